# Hidden bias: base R only. Cinelli and Hazlett's values from partial R² got by comparing residual sums of squares;
# Rosenbaum's bounds by the normal formula, and exactly by counting all 2^m signs.
# Run in this folder, after weights.R: Rscript sensitivity.R
options(digits = 15)
d <- read.csv("weights_data.csv")
rows <- list()
put <- function(case, values) for (v in names(values))
  rows[[length(rows) + 1]] <<- data.frame(case = case, name = v, value = values[[v]])
rss <- function(f) deviance(lm(f, d))
partial <- function(f, without) 1 - rss(f) / rss(without)
full <- lm(outcome ~ treated + prior + age + remote, d)
s <- summary(full)$coefficients["treated", ]; df <- full$df.residual
r2 <- partial(outcome ~ treated + prior + age + remote, outcome ~ prior + age + remote)
rv <- function(f) (sqrt(f^4 + 4 * f^2) - f^2) / 2
f <- sqrt(r2 / (1 - r2)); critical <- qt(0.975, df - 1) / sqrt(df - 1)
put("robustness", c(partial_r2 = r2, rv_q = rv(f), rv_qa = rv(f - critical), rv_half = rv(f / 2)))
others <- list(treated ~ age + remote, outcome ~ treated + age + remote,
               treated ~ prior + remote, outcome ~ treated + prior + remote)
for (k in c(1, 3)) {
  a <- partial(treated ~ prior + age + remote, others[[k]])
  b <- partial(outcome ~ treated + prior + age + remote, others[[k + 1]])
  arm <- k * a / (1 - a)
  link <- k * a^2 / ((1 - k * a) * (1 - a))
  out <- ((sqrt(k) + sqrt(link)) / sqrt(1 - link))^2 * b / (1 - b)
  bias <- s[["Std. Error"]] * sqrt(df * out * arm / (1 - arm))
  left <- sign(s[["Estimate"]]) * (abs(s[["Estimate"]]) - bias)
  se <- s[["Std. Error"]] * sqrt((1 - out) / (1 - arm)) * sqrt(df / (df - 1))
  half <- qt(0.975, df - 1) * se
  put(paste0("benchmark_", k), c(r2_treated = arm, r2_outcome = out, value = left, se = se, low = left - half,
                                 high = left + half))
}
pairs <- c(3.1, -0.4, 2.2, 5.0, 1.1, -1.1, 4.2, 2.2, 0, 6.3, 0.9, 1.7)
x <- pairs[pairs != 0]; q <- rank(abs(x)); w <- sum(q[x > 0]); m <- length(x)
signs <- as.matrix(expand.grid(rep(list(0:1), m))); sums <- signs %*% q; ups <- rowSums(signs)
tail <- function(gamma) { p <- gamma / (1 + gamma); sum((p^ups * (1 - p)^(m - ups))[sums >= w - 1e-9]) }
put("exact", c(p = tail(1), gamma = uniroot(function(g) tail(g) - 0.025, c(1, 50), tol = 1e-14)$root))
set.seed(3)
long <- round(rnorm(80, 0.5), 3)
q <- rank(abs(long)); w <- sum(q[long > 0])
normal <- function(gamma) {
  p <- gamma / (1 + gamma)
  pnorm((w - p * sum(q)) / sqrt(p * (1 - p) * sum(q^2)), lower.tail = FALSE)
}
put("normal", c(p = normal(1), gamma = uniroot(function(g) normal(g) - 0.025, c(1, 50), tol = 1e-14)$root))
short <- round(rnorm(14, 0.8), 5)
put("wilcox", c(p = wilcox.test(short, alternative = "greater", exact = TRUE)$p.value))
write.csv(data.frame(case = rep(c("exact", "normal", "wilcox"), c(length(pairs), 80, 14)),
                     difference = c(pairs, long, short)), "sensitivity_data.csv", row.names = FALSE, quote = FALSE)
out <- do.call(rbind, rows)
out$value <- sprintf("%.16g", out$value)
write.csv(out, "sensitivity.csv", row.names = FALSE, quote = FALSE)
