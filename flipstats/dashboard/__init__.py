"""Page state and view of the Voilà pages."""
