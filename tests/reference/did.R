# Difference in differences: base R and clubSandwich 0.5.8, on the trial "unbalanced" of mixed_data.csv.
# Run in this folder, after mixed.R: Rscript did.R
suppressMessages(library(clubSandwich))
options(digits = 15)
d <- subset(read.csv("mixed_data.csv"), case == "unbalanced")
rows <- list()
put <- function(case, values) for (v in names(values))
  rows[[length(rows) + 1]] <<- data.frame(case = case, name = v, value = values[[v]])
by_group <- function(y) {
  fit <- lm(y ~ treated, d)
  s <- coef_test(fit, vcov = vcovCR(fit, cluster = d$group, type = "CR2"), test = "Satterthwaite")["treated", ]
  c(b = s$beta, se = s$SE, df = if (is.null(s$df)) s$df_Satt else s$df)
}
gain <- d$outcome - d$prior
w <- t.test(gain[d$treated == 1], gain[d$treated == 0])
put("raw", c(b = unname(diff(rev(w$estimate))), se = w$stderr, df = unname(w$parameter), p = w$p.value,
             low = w$conf.int[1], high = w$conf.int[2]))
put("raw_groups", by_group(gain))
# g: residuals of two regressions give the pooled SDs and the correlation within arms.
pre <- lm(prior ~ treated, d); post <- lm(outcome ~ treated, d)
N <- nrow(d); h <- N - 2; omega <- 1 - 3 / (4 * N - 9)
s1 <- sigma(pre); s2 <- sigma(post)
g1 <- omega * coef(pre)[[2]] / s1; g2 <- omega * coef(post)[[2]] / s2
r <- sum(resid(pre) * resid(post)) / (h * s1 * s2)
more <- (g2^2 + g1^2 - 2 * r^2 * g1 * g2) / (2 * h)
z <- d$outcome / s2 - d$prior / s1
w <- t.test(z[d$treated == 1], z[d$treated == 0])
se <- sqrt((omega * w$stderr)^2 + more)
half <- qt(0.975, w$parameter) * se
put("g", c(b = g2 - g1, se = se, df = unname(w$parameter), low = unname(g2 - g1 - half), high = unname(g2 - g1 + half),
           baseline = g1, correlation = r))
raw <- t.test(gain[d$treated == 1], gain[d$treated == 0])
b <- omega * diff(rev(raw$estimate))[[1]] / s2
se_gain <- sqrt((omega * raw$stderr / s2)^2 + b^2 / (2 * h))
half <- qt(0.975, raw$parameter) * se_gain
put("gain", c(b = b, se = se_gain, df = unname(raw$parameter), low = unname(b - half), high = unname(b + half)))
s <- by_group(gain)
put("gain_groups", c(b = b, se = sqrt((omega * s[["se"]] / s2)^2 + b^2 / (2 * h)), df = s[["df"]]))
b <- by_group(z)
put("g_groups", c(b = g2 - g1, se = sqrt((omega * b[["se"]])^2 + more), df = b[["df"]]))
# The error of g by simulation from the same moments: 40,000 draws, arms of 60 and 45.
set.seed(5)
draw <- function() {
  t <- rep(c(1, 0), c(60, 45)); x <- rnorm(105) + 0.2 * t; y <- 0.6 * x + 0.8 * rnorm(105) + 0.5 * t
  g <- function(v) diff(tapply(v, t, mean)) / sqrt(sum(tapply(v, t, var) * c(44, 59)) / 103)
  (1 - 3 / (4 * 105 - 9)) * (g(y) - g(x))
}
put("simulated", c(sd = sd(replicate(40000, draw()))))
out <- do.call(rbind, rows)
out$value <- sprintf("%.16g", out$value)
write.csv(out, "did.csv", row.names = FALSE, quote = FALSE)
