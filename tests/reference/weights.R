# Propensity weights, doubly robust, matching. Base R, numDeriv for the derivatives of the stacked estimating
# equations, survey 4.1-1 as a check of the estimates, MatchIt 4.5.1 and sandwich 3.0-2 for matched pairs.
# Writes weights_data.csv and weights.csv. Run in this folder: Rscript weights.R
suppressMessages({library(numDeriv); library(survey); library(MatchIt); library(sandwich)})
options(digits = 15)
set.seed(21)
G <- 20
group <- rep(seq_len(G), sample(8:25, G, TRUE))
n <- length(group)
prior <- round(rnorm(n, 50, 10) + rnorm(G, 0, 3)[group], 2)
age <- round(runif(n, 20, 60), 1)
remote <- rbinom(n, 1, 0.4)
treated <- rbinom(n, 1, plogis(-1.2 + 0.05 * (prior - 50) + 0.02 * (age - 40) + 0.4 * remote))
outcome <- round(20 + 0.6 * prior + 0.1 * age + 4 * treated + 3 * remote + rnorm(G, 0, 2)[group] + rnorm(n, 0, 6), 3)
passed <- as.integer(outcome > 58)
d <- data.frame(group = paste0("g", group), prior, age, remote, treated, outcome, passed)
write.csv(d, "weights_data.csv", row.names = FALSE, quote = FALSE)

rows <- list()
put <- function(case, values) for (v in names(values))
  rows[[length(rows) + 1]] <<- data.frame(case = case, name = v, value = values[[v]])
X <- model.matrix(~ prior + age + remote, d)
ps <- glm(treated ~ prior + age + remote, binomial, d, epsilon = 1e-14, maxit = 100)
put("propensity", c(setNames(coef(ps), c("intercept", "prior", "age", "remote")), first = fitted(ps)[[1]]))
kinds <- list(ipw_ate = function(e, t) t / e + (1 - t) / (1 - e),
              ipw_att = function(e, t) t + (1 - t) * e / (1 - e),
              overlap = function(e, t) t * (1 - e) + (1 - t) * e)
for (y in c("outcome", "passed")) for (kind in names(kinds)) {
  psi <- function(theta) {
    e <- plogis(drop(X %*% theta[1:4])); w <- kinds[[kind]](e, d$treated)
    cbind(X * (d$treated - e), d$treated * w * (d[[y]] - theta[5]), (1 - d$treated) * w * (d[[y]] - theta[6]))
  }
  w <- kinds[[kind]](fitted(ps), d$treated)
  m1 <- weighted.mean(d[[y]][d$treated == 1], w[d$treated == 1])
  m0 <- weighted.mean(d[[y]][d$treated == 0], w[d$treated == 0])
  svy <- coef(svyglm(reformulate("treated", y), svydesign(~1, weights = w, data = d)))[["treated"]]
  stopifnot(abs(svy - (m1 - m0)) < 1e-8)
  theta <- c(coef(ps), m1, m0)
  A <- solve(-jacobian(function(th) colSums(psi(th)), theta))
  k <- c(0, 0, 0, 0, 1, -1)
  se <- sqrt(drop(k %*% A %*% crossprod(psi(theta)) %*% t(A) %*% k))
  by_group <- rowsum(psi(theta), d$group)
  se_group <- sqrt(G / (G - 1) * drop(k %*% A %*% crossprod(by_group) %*% t(A) %*% k))
  ess <- tapply(w, d$treated, function(x) sum(x)^2 / sum(x^2))
  largest <- max(tapply(w, d$treated, function(x) max(x) / sum(x)))
  half <- qt(0.975, G - 2) * se_group
  put(paste(kind, y, sep = "_"),
      c(est = m1 - m0, se = se, low = m1 - m0 - qnorm(0.975) * se, high = m1 - m0 + qnorm(0.975) * se,
        se_group = se_group, low_group = m1 - m0 - half, high_group = m1 - m0 + half,
        ess1 = ess[["1"]], ess0 = ess[["0"]], largest = largest))
}
for (y in c("outcome", "passed")) {
  f <- reformulate(c("prior", "age", "remote"), y)
  mu1 <- predict(lm(f, d[d$treated == 1, ]), d)
  mu0 <- predict(lm(f, d[d$treated == 0, ]), d)
  e <- fitted(ps)
  phi <- mu1 - mu0 + d$treated * (d[[y]] - mu1) / e - (1 - d$treated) * (d[[y]] - mu0) / (1 - e)
  put(paste("aipw", y, sep = "_"), c(est = mean(phi), se = sd(phi) / sqrt(n)))
}
# Debian's MatchIt 4.5.1 cuts distances to whole numbers (its issue 163: caliper and order have no effect on a
# score in 0-1), so it is given the score times 1e8; a greedy search in base R must find the same pairs.
greedy <- function(t, score) {
  C <- which(t == 0); T <- which(t == 1); found <- NULL
  for (i in T[order(score[T], decreasing = TRUE)]) if (length(C)) {
    j <- which.min(abs(score[C] - score[i])); found <- rbind(found, c(i, C[j])); C <- C[-j]
  }
  found
}
score <- 1e8 * unname(fitted(ps))
for (y in c("outcome", "passed")) for (caliper in c(NA, 0.002)) {
  m <- suppressWarnings(matchit(treated ~ prior + age + remote, d, method = "nearest", distance = score,
    m.order = "largest", caliper = if (is.na(caliper)) NULL else caliper))
  md <- match.data(m)
  if (is.na(caliper)) {
    g <- greedy(d$treated, score)
    stopifnot(as.integer(m$match.matrix[as.character(g[, 1]), 1]) == g[, 2])
  }
  fit <- lm(reformulate("treated", y), md, weights = md$weights)
  se <- sqrt(vcovCL(fit, cluster = ~subclass)["treated", "treated"])
  put(paste("nn_match", y, if (is.na(caliper)) "plain" else "caliper", sep = "_"),
      c(est = coef(fit)[["treated"]], se = se, pairs = nlevels(md$subclass),
        rows = sum(as.integer(rownames(md)) * md$treated), controls = sum(as.integer(rownames(md)) * (1 - md$treated))))
}
# More to be matched than there are controls: those of the highest score are, and the estimand is no longer ATT.
d$swapped <- 1 - d$treated
m <- suppressWarnings(matchit(swapped ~ prior + age + remote, d, method = "nearest", distance = 1e8 - score,
  m.order = "largest"))
md <- match.data(m)
fit <- lm(outcome ~ swapped, md, weights = md$weights)
put("nn_match_swapped", c(est = coef(fit)[["swapped"]], se = sqrt(vcovCL(fit, cluster = ~subclass)["swapped", "swapped"]),
  pairs = nlevels(md$subclass)))
out <- do.call(rbind, rows)
out$value <- sprintf("%.16g", out$value)
write.csv(out, "weights.csv", row.names = FALSE, quote = FALSE)
cat(mean(treated), anyDuplicated(d[c("prior", "age", "remote")]), "\n")
