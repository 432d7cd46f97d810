# Random effects over cohorts: metafor 3.8-1, REML with Knapp and Hartung's test, prediction interval on k - 1 df.
# Writes synthesis_data.csv and synthesis.csv. Run in this folder: Rscript synthesis.R
suppressMessages(library(metafor))
options(digits = 15)
set.seed(9)
make <- function(case, k, tau) {
  se <- round(runif(k, 0.08, 0.3), 3)
  data.frame(case = case, value = round(0.25 + tau * rnorm(k) + se * rnorm(k), 3), se = se)
}
d <- rbind(make("many", 12, 0.2), make("few", 3, 0.3), make("alike", 6, 0), make("two", 2, 0.2),
           make("far", 8, 2))
rows <- list()
for (case in unique(d$case)) {
  x <- d[d$case == case, ]
  fit <- rma(value, sei = se, data = x, method = "REML", test = "knha",
             control = list(threshold = 1e-14, maxiter = 10000, tau2.init = max(var(x$value) - mean(x$se^2), 0)))
  p <- predict(fit)
  values <- c(value = fit$beta[1], se = fit$se, df = fit$dfs, low = fit$ci.lb, high = fit$ci.ub, p = fit$pval,
              prediction_low = p$pi.lb, prediction_high = p$pi.ub, tau2 = fit$tau2, i2 = fit$I2 / 100,
              q = fit$QE, q_p = fit$QEp)
  for (v in names(values)) rows[[length(rows) + 1]] <- data.frame(case = case, name = v, value = values[[v]])
}
out <- do.call(rbind, rows)
out$value <- sprintf("%.16g", out$value)
write.csv(out, "synthesis.csv", row.names = FALSE, quote = FALSE)
write.csv(d, "synthesis_data.csv", row.names = FALSE, quote = FALSE)
