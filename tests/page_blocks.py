"""What a page tells, block by block, for the tests of the pages."""

from __future__ import annotations

from flipstats import display
from flipstats.dashboard.state import Block, Content


def blocks(content: Content) -> dict[str, Block]:
    """Return the blocks of a page by their key."""
    return {block.key: block for section in content.sections for block in section.blocks}


def told(block: Block) -> str:
    """Return everything a block tells, as one text."""
    if block.picture is None:
        return block.html + block.missing + block.remedy
    picture = block.picture
    return "".join([display.spec(picture.figure), picture.caption, picture.alt, picture.table.write_csv()])
