# Two arms of individual learners and of groups: base R 4.2, sandwich 3.0, estimatr 1.0, effectsize 0.8.
# Writes basics_data.csv, two data sets, and basics.csv, R's values for them.
# Run in this folder: Rscript basics.R
suppressMessages({library(sandwich); library(estimatr)})
options(digits = 15)
rows <- list()
put <- function(case, ...) {
  values <- c(...)
  rows[[length(rows) + 1]] <<- data.frame(case = case, name = names(values), value = unname(values))
}

set.seed(2024)
learners <- function(name, n1, n0, sd1) {
  treated <- rep(1:0, c(n1, n0))
  n <- n1 + n0
  prior <- round(rnorm(n, 50 + 1.5 * treated, 10), 2)
  age <- round(runif(n, 20, 55))
  score <- round(20 + 0.5 * prior + 4 * treated + rnorm(n, 0, ifelse(treated == 1, sd1, 8)), 2)
  passed <- rbinom(n, 1, plogis(-2.2 + 0.05 * prior + 0.5 * treated))
  data.frame(case = name, group = "", treated, prior, age, score, passed)
}
groups <- function(name, sizes, arms) {
  g <- rep(seq_along(sizes), sizes)
  treated <- arms[g]
  prior <- round(rnorm(length(g), 50, 9) + rnorm(length(sizes), 0, 3)[g], 2)
  score <- round(25 + 0.4 * prior + 3 * treated + rnorm(length(sizes), 0, 3)[g] + rnorm(length(g), 0, 8), 2)
  passed <- rbinom(length(g), 1, plogis(-2 + 0.05 * prior + 0.4 * treated))
  data.frame(case = name, group = paste0("g", g), treated, prior, age = round(runif(length(g), 20, 55)), score, passed)
}
d <- learners("learners", 37, 52, 12)
small <- learners("small", 7, 9, 8)
five <- groups("five_five", c(12, 5, 20, 9, 14, 7, 16, 11, 8, 13), rep(1:0, 5))
three <- groups("three_three", c(10, 14, 8, 12, 9, 15), rep(1:0, 3))
uneven <- groups("two_six", c(9, 12, 8, 15, 7, 10, 11, 13), c(1, 1, 0, 0, 0, 0, 0, 0))
write.csv(rbind(d, small, five, three, uneven), "basics_data.csv", row.names = FALSE, quote = FALSE)

# ---- individual learners
for (x in list(d, small)) {
  name <- x$case[1]
  w <- t.test(x$score[x$treated == 1], x$score[x$treated == 0])
  put(paste0(name, "_welch"), value = -diff(unname(w$estimate)), se = w$stderr, df = unname(w$parameter), p = w$p.value,
      low = w$conf.int[1], high = w$conf.int[2])
  one <- x$score[x$treated == 1]; zero <- x$score[x$treated == 0]
  m <- suppressWarnings(wilcox.test(one, zero, conf.int = TRUE, digits.rank = 7))
  put(paste0(name, "_mannwhitney"), U = unname(m$statistic), p = m$p.value, low = m$conf.int[1], high = m$conf.int[2],
      value = median(outer(one, zero, "-")))
  # Hedges' g: exact J, limits by the noncentral t
  n1 <- length(one); n0 <- length(zero); df <- n1 + n0 - 2
  s <- sqrt(((n1 - 1) * var(one) + (n0 - 1) * var(zero)) / df)
  dd <- (mean(one) - mean(zero)) / s
  J <- exp(lgamma(df / 2) - lgamma((df - 1) / 2)) / sqrt(df / 2)
  k <- sqrt(1 / n1 + 1 / n0)
  limit <- function(p) uniroot(function(m) pt(dd / k, df, m) - p, c(-15, 15), tol = 1e-13)$root * k
  put(paste0(name, "_hedges"), value = J * dd, J = J, low = J * limit(0.975), high = J * limit(0.025))
  omega <- 1 - 3 / (4 * (n1 + n0) - 9)
  put(paste0(name, "_wwc"), value = omega * dd, se = sqrt(1 / n1 + 1 / n0 + (omega * dd)^2 / (2 * df)))
  delta <- (mean(one) - mean(zero)) / sd(zero)
  put(paste0(name, "_glass"), value = delta, se = sqrt(1 / n1 + 1 / n0 + delta^2 / (2 * (n0 - 1))))
  # adjusted
  fit <- lm(score ~ treated + prior + age, x)
  for (kind in c("HC2", "HC3")) {
    se <- sqrt(vcovHC(fit, type = kind)["treated", "treated"])
    b <- unname(coef(fit)["treated"])
    q <- qt(0.975, fit$df.residual)
    put(paste0(name, "_ancova_", tolower(kind)), value = b, se = se, df = fit$df.residual, low = b - q * se, high = b + q * se,
        p = 2 * pt(-abs(b / se), fit$df.residual))
  }
  lin <- lm_lin(score ~ treated, ~ prior + age, x)
  put(paste0(name, "_lin"), value = unname(lin$coefficients["treated"]), se = unname(lin$std.error["treated"]),
      df = unname(lin$df["treated"]), low = unname(lin$conf.low["treated"]), high = unname(lin$conf.high["treated"]),
      p = unname(lin$p.value["treated"]))
}

# ---- completion
wilson <- function(x, n) prop.test(x, n, correct = FALSE)$conf.int
for (counts in list(c(41, 50, 30, 48), c(0, 20, 3, 25), c(12, 12, 9, 15), c(0, 9, 11, 11))) {
  p <- counts[c(1, 3)] / counts[c(2, 4)]
  w1 <- wilson(counts[1], counts[2]); w0 <- wilson(counts[3], counts[4])
  put(paste0("newcombe_", paste(counts, collapse = "_")), value = p[1] - p[2],
      low = p[1] - p[2] - sqrt((p[1] - w1[1])^2 + (w0[2] - p[2])^2),
      high = p[1] - p[2] + sqrt((w1[2] - p[1])^2 + (p[2] - w0[1])^2))
}
cox <- function(a, n, b, m) {
  omega <- 1 - 3 / (4 * (n + m) - 9)
  c(value = omega * (qlogis(a / n) - qlogis(b / m)) / 1.65, se = omega * sqrt(1/a + 1/(n-a) + 1/b + 1/(m-b)) / 1.65)
}
put("cox_41_50_30_48", cox(41, 50, 30, 48))
p <- prop.test(tapply(d$passed, -d$treated, sum), tapply(d$passed, -d$treated, length), correct = FALSE)
put("learners_newcombe", p = p$p.value)

fit <- glm(passed ~ treated + prior + age, binomial, d, control = glm.control(epsilon = 1e-14, maxit = 100))
X <- model.matrix(fit)
standard <- function(a) {
  X1 <- X; X1[, "treated"] <- a
  pr <- plogis(drop(X1 %*% coef(fit)))
  list(p = mean(pr), g = colMeans(pr * (1 - pr) * X1))
}
s1 <- standard(1); s0 <- standard(0); V <- vcov(fit)
rd <- s1$p - s0$p; se <- sqrt(drop((s1$g - s0$g) %*% V %*% (s1$g - s0$g)))
lg <- s1$g / s1$p - s0$g / s0$p; sl <- sqrt(drop(lg %*% V %*% lg)); z <- qnorm(0.975)
put("learners_gcomp", value = rd, se = se, low = rd - z * se, high = rd + z * se, p = 2 * pnorm(-abs(rd / se)),
    risk_ratio = s1$p / s0$p, risk_ratio_low = s1$p / s0$p * exp(-z * sl), risk_ratio_high = s1$p / s0$p * exp(z * sl),
    odds_ratio = unname(exp(coef(fit)["treated"])), share_treated = s1$p, share_control = s0$p)

# ---- groups
for (x in list(five, three, uneven)) {
  name <- x$case[1]
  m <- aggregate(cbind(score, passed, prior, treated) ~ group, x, mean)
  for (outcome in c("score", "passed")) for (adjusted in c(FALSE, TRUE)) {
    f <- lm(as.formula(paste(outcome, "~ treated", if (adjusted) "+ prior")), m)
    ci <- confint(f)["treated", ]
    put(paste(name, outcome, if (adjusted) "adjusted" else "raw", sep = "_"), value = unname(coef(f)["treated"]),
        se = coef(summary(f))["treated", 2], df = f$df.residual, p = coef(summary(f))["treated", 4], low = unname(ci[1]), high = unname(ci[2]))
  }
  # every allocation of the groups, and the shifts it does not reject (by bisection on the p value)
  G <- nrow(m); K <- sum(m$treated); every <- combn(G, K)
  r <- resid(lm(score ~ prior, x)); r <- tapply(r, x$group, mean)[m$group]
  rt <- tapply(resid(lm(treated ~ prior, x)), x$group, mean)[m$group]
  for (adjusted in c(FALSE, TRUE)) {
    y <- if (adjusted) r else m$score
    t <- if (adjusted) rt else m$treated
    D <- function(v, chosen) mean(v[chosen]) - mean(v[-chosen])
    observed <- which(m$treated == 1)
    p_at <- function(s) {
      v <- y - s * t
      all <- apply(every, 2, function(chosen) abs(D(v, chosen)))
      mean(all >= abs(D(v, observed)) * (1 - 1e-9) - 1e-12)
    }
    value <- D(y, observed) / D(t, observed)
    edge <- function(far) {
      if (p_at(far) > 0.05) return(sign(far - value) * Inf)
      a <- value; b <- far
      for (i in 1:60) { mid <- (a + b) / 2; if (p_at(mid) > 0.05) a <- mid else b <- mid }
      (a + b) / 2
    }
    put(paste(name, "permutation", if (adjusted) "adjusted" else "raw", sep = "_"), value = value, p = p_at(0),
        low = edge(value - 500), high = edge(value + 500), allocations = ncol(every))
  }
  a <- anova(lm(score ~ factor(treated) + factor(group), x))
  n <- table(x$group); arm <- tapply(x$treated, x$group, mean)[names(n)]
  n0 <- (nrow(x) - sum(tapply(n^2, arm, sum) / tapply(n, arm, sum))) / (length(n) - 2)
  msb <- a["factor(group)", "Mean Sq"]; msw <- a["Residuals", "Mean Sq"]
  put(paste0(name, "_icc"), value = (msb - msw) / (msb + (n0 - 1) * msw), msb = msb, msw = msw)
}

# ---- effect sizes of groups, by the formulas of Hedges (2007) and Hedges and Citkowicz (2015)
terms <- function(nt, nc, n, r) {
  N <- nt + nc
  c(both_gamma = 1 - 2 * (n - 1) * r / (N - 2), both_eta = 1 + (n - 1) * r,
    both_h = ((N - 2) - 2 * (n - 1) * r)^2 / ((N - 2) * (1 - r)^2 + n * (N - 2 * n) * r^2 + 2 * (N - 2 * n) * r * (1 - r)),
    one_gamma = 1 - (nc + n - 2) * r / (N - 2), one_eta = 1 + (n * nc / N - 1) * r,
    one_h = ((N - 2) * (1 - r) + (nt - n) * r)^2 / ((N - 2) * (1 - r)^2 + (nt - n) * n * r^2 + 2 * (nt - n) * (1 - r) * r))
}
put("terms_60_75_15_0.2", terms(60, 75, 15, 0.2))
put("terms_40_40_8_0", terms(40, 40, 8, 0))

# ---- power
mdes <- function(df, v) (qt(0.975, df) + qt(0.8, df)) * sqrt(v)
put("mdes", individual = mdes(120 - 1 - 2, (1 - 0.3) / (0.4 * 0.6 * 120)),
    cluster = mdes(14 - 1 - 2, 0.15 * (1 - 0.4) / (0.5 * 0.5 * 14) + 0.85 * (1 - 0.2) / (0.5 * 0.5 * 14 * 18)))
bh <- p.adjust(c(0.012, 0.2, 0.03, 0.0004, 0.7, 0.049), "BH")
put("bh", setNames(bh, paste0("p", 1:6)))

write.csv(do.call(rbind, rows), "basics.csv", row.names = FALSE, quote = FALSE)
