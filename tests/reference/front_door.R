# Every method on tables that no other test has, as `flipstats compare TABLE.csv --method all` is to give them:
# sandwich 3.0-2, estimatr 1.0.0, lmerTest 3.1-3, pbkrtest 0.5.2, clubSandwich 0.5.8, numDeriv. The weighted means
# are solved as stacked estimating equations with numerical derivatives, the permutations all counted out and the
# pairs matched in a loop. front_door_data.csv was drawn once; writes front_door.csv, R's values for it.
# Run in this folder: Rscript front_door.R
suppressMessages({library(lme4); library(lmerTest); library(pbkrtest); library(clubSandwich)
                  library(sandwich); library(estimatr); library(numDeriv)})
tight <- lmerControl(optimizer = "nloptwrap", calc.derivs = FALSE, check.conv.singular = "ignore",
                     optCtrl = list(xtol_abs = 1e-12, ftol_abs = 1e-14, xtol_rel = 1e-12, maxeval = 20000))
exact <- list(epsilon = 1e-14)
rows <- list()
put <- function(case, method, ...) {
  v <- c(...)
  for (n in names(v)) rows[[length(rows) + 1]] <<- data.frame(case = case, name = paste0(method, ".", n), value = unname(v[n]))
}
put_t <- function(case, method, b, se, df) {
  half <- qt(0.975, df) * se
  put(case, method, value = unname(b), se = unname(se), df = if (is.finite(df)) unname(df) else NULL,
      low = unname(b - half), high = unname(b + half), p = 2 * pt(-abs(unname(b / se)), df))
}
hajek <- function(case, name, d, X) {
  a <- coef(glm(d$t ~ X - 1, family = binomial, control = exact))
  weight <- function(e) switch(name, ipw_ate = ifelse(d$t == 1, 1 / e, 1 / (1 - e)),
                               ipw_att = ifelse(d$t == 1, 1, e / (1 - e)), overlap = ifelse(d$t == 1, 1 - e, e))
  q <- ncol(X)
  psi <- function(theta) {
    e <- as.vector(plogis(X %*% theta[1:q])); w <- weight(e)
    cbind(X * (d$t - e), w * d$t * (d$y - theta[q + 1]), w * (1 - d$t) * (d$y - theta[q + 2]))
  }
  w <- weight(as.vector(plogis(X %*% a)))
  m <- c(weighted.mean(d$y[d$t == 1], w[d$t == 1]), weighted.mean(d$y[d$t == 0], w[d$t == 0]))
  theta <- c(a, m)
  A <- -jacobian(function(v) colMeans(psi(v)), theta)
  V <- solve(A) %*% (crossprod(psi(theta)) / nrow(d)) %*% t(solve(A)) / nrow(d)
  put_t(case, name, m[1] - m[2], sqrt(V[q + 1, q + 1] + V[q + 2, q + 2] - 2 * V[q + 1, q + 2]), Inf)
}
of_learners <- function(case, d, xs) {
  binary <- all(d$y %in% 0:1)
  one <- d$y[d$t == 1]; zero <- d$y[d$t == 0]
  form <- reformulate(c("t", xs), "y")
  if (!binary) {
    w <- t.test(one, zero)
    put(case, "welch", value = mean(one) - mean(zero), se = w$stderr, df = unname(w$parameter), low = w$conf.int[1],
        high = w$conf.int[2], p = w$p.value)
    m <- suppressWarnings(wilcox.test(one, zero))
    put(case, "mannwhitney", value = median(outer(one, zero, "-")), p = m$p.value)
    g <- t.test((d$y - d$x1)[d$t == 1], (d$y - d$x1)[d$t == 0])
    put(case, "did", value = unname(g$estimate[1] - g$estimate[2]), se = g$stderr, df = unname(g$parameter),
        low = g$conf.int[1], high = g$conf.int[2], p = g$p.value)
  } else {
    u <- prop.test(sum(one), length(one), correct = FALSE)$conf.int
    v <- prop.test(sum(zero), length(zero), correct = FALSE)$conf.int
    p1 <- mean(one); p0 <- mean(zero)
    both <- suppressWarnings(prop.test(c(sum(one), sum(zero)), c(length(one), length(zero)), correct = FALSE))
    put(case, "newcombe", value = p1 - p0, low = p1 - p0 - sqrt((p1 - u[1])^2 + (v[2] - p0)^2),
        high = p1 - p0 + sqrt((u[2] - p1)^2 + (p0 - v[1])^2), p = both$p.value)
    g <- glm(form, binomial, d, control = exact)
    X1 <- X0 <- model.matrix(g); X1[, "t"] <- 1; X0[, "t"] <- 0
    difference <- function(b) mean(plogis(X1 %*% b)) - mean(plogis(X0 %*% b))
    p <- fitted(g); X <- model.matrix(g)
    J <- jacobian(difference, coef(g))  # the information at the estimate: vcov() has that of the step before
    put_t(case, "gcomp", difference(coef(g)), sqrt(J %*% solve(crossprod(X, X * (p * (1 - p)))) %*% t(J))[1], Inf)
  }
  l <- lm(form, d)
  put_t(case, "ancova_hc3", coef(l)["t"], sqrt(vcovHC(l, "HC3")["t", "t"]), l$df.residual)
  l <- lm_lin(y ~ t, reformulate(xs), d, se_type = "HC2")
  put_t(case, "lin_hc2", coef(l)["t"], l$std.error["t"], unname(l$df["t"]))
  X <- model.matrix(reformulate(xs), d)
  for (name in c("ipw_ate", "ipw_att", "overlap")) hajek(case, name, d, X)
  e <- fitted(glm(d$t ~ X - 1, family = binomial, control = exact))
  m1 <- X %*% coef(lm.fit(X[d$t == 1, ], one)); m0 <- X %*% coef(lm.fit(X[d$t == 0, ], zero))
  part <- as.vector(m1 - m0 + d$t * (d$y - m1) / e - (1 - d$t) * (d$y - m0) / (1 - e))
  put_t(case, "aipw", mean(part), sd(part) / sqrt(nrow(d)), Inf)
  treated <- which(d$t == 1); treated <- treated[order(-e[treated], treated)]
  free <- which(d$t == 0); pairs <- c()
  for (i in treated) if (length(free)) {
    j <- free[which.min(abs(e[free] - e[i]))]
    free <- setdiff(free, j); pairs <- c(pairs, d$y[i] - d$y[j])
  }
  m <- length(pairs)
  se <- sqrt(sum((pairs - mean(pairs))^2) / m^2 * m / (m - 1) * (2 * m - 1) / (2 * m - 2))
  put_t(case, "nn_match", mean(pairs), se, m - 1)
}
of_groups <- function(case, d, xs) {
  a <- aggregate(d[, c("y", "t", xs)], list(g = d$g), mean); G <- nrow(a); G1 <- sum(a$t)
  l <- lm(reformulate(c("t", head(xs, max(0, min(length(xs), G - 5)))), "y"), a)
  put_t(case, "cluster_means", coef(l)["t"], sqrt(vcov(l)["t", "t"]), l$df.residual)
  fit <- lmerTest::lmer(reformulate(c("t", xs, "(1 | g)"), "y"), d, control = tight)
  for (ddf in c("Satterthwaite", "Kenward-Roger")) {
    s <- summary(fit, ddf = ddf)$coefficients["t", ]
    put_t(case, c(Satterthwaite = "reml_satterthwaite", "Kenward-Roger" = "reml_kr")[[ddf]], s[["Estimate"]],
          s[["Std. Error"]], s[["df"]])
  }
  robust <- function(method, l) {
    s <- coef_test(l, vcovCR(l, d$g, "CR2"), test = "Satterthwaite")
    put_t(case, method, coef(l)[2], s$SE[2], s$df_Satt[2])
  }
  robust("cr2", lm(reformulate(c("t", xs), "y"), d))
  if (length(xs) && !all(d$y %in% 0:1)) robust("did", lm(I(y - x1) ~ t, d))
  if (choose(G, G1) <= 200000) {
    e <- if (length(xs)) resid(lm(reformulate(xs, "y"), d)) else d$y
    means <- tapply(e, d$g, mean); arm <- tapply(d$t, d$g, mean)
    one <- colMeans(matrix(means[combn(G, G1)], nrow = G1))
    all <- one - (sum(means) - G1 * one) / (G - G1)
    seen <- mean(means[arm == 1]) - mean(means[arm == 0])
    put(case, "cluster_permutation", p = mean(abs(all) >= abs(seen) - 1e-9))
  }
}
data <- read.csv("front_door_data.csv", na.strings = "")
for (case in unique(data$case)) {
  d <- data[data$case == case, ]
  d$t <- as.numeric(d$arm == "T")
  xs <- Filter(function(x) !anyNA(d[[x]]), c("x1", "x2"))
  if (anyNA(d$g)) of_learners(case, d, xs) else of_groups(case, d, xs)
}
out <- do.call(rbind, rows)
out$value <- sprintf("%.16g", out$value)
write.csv(out, "front_door.csv", row.names = FALSE, quote = FALSE)
