# Multiple imputation: mice 3.15.0. Its pooling is compared digit by digit; its imputations (norm, each arm alone)
# by their pooled result over many draws. Run in this folder: Rscript missing.R
suppressMessages(library(mice))
options(digits = 15)
rows <- list()
put <- function(case, values) for (v in names(values))
  rows[[length(rows) + 1]] <<- data.frame(case = case, name = v, value = values[[v]])
Q <- c(2.10, 2.35, 1.98, 2.22, 2.41); U <- c(0.21, 0.19, 0.23, 0.20, 0.22)
p <- pool.scalar(Q, U, n = 60, k = 3)
put("pool", c(value = p$qbar, total = p$t, df = p$df, fmi = p$fmi))
p <- pool.scalar(Q, U)
put("pool_infinite", c(value = p$qbar, total = p$t, df = p$df, fmi = p$fmi))

set.seed(31)
n <- 160
treated <- rep(1:0, each = n / 2)
prior <- round(rnorm(n, 50, 10), 2); age <- round(runif(n, 20, 60), 1)
outcome <- round(10 + 0.7 * prior + 0.2 * age + 4 * treated + 0.1 * treated * (prior - 50) + rnorm(n, 0, 6), 2)
lost <- runif(n) < plogis(-1.5 - 0.08 * (prior - 50) - 0.5 * treated)
d <- data.frame(treated, prior, age, outcome = replace(outcome, lost, NA))
d2 <- d; d2$prior[sample(n, 25)] <- NA
write.csv(rbind(cbind(case = "outcome_only", d), cbind(case = "both", d2)), "missing_data.csv", row.names = FALSE,
          quote = FALSE, na = "NaN")
m <- 300
for (case in c("outcome_only", "both")) {
  x <- if (case == "both") d2 else d
  imp <- lapply(1:0, function(a) mice(x[x$treated == a, c("outcome", "prior", "age")], m = m, method = "norm",
                                      maxit = 10, printFlag = FALSE, seed = 100 + a))
  fits <- lapply(seq_len(m), function(i) {
    one <- complete(imp[[1]], i); zero <- complete(imp[[2]], i)
    full <- rbind(cbind(treated = 1, one), cbind(treated = 0, zero))
    f <- lm(outcome ~ treated + prior + age, full)
    c(coef(f)[["treated"]], sandwich::vcovHC(f, type = "HC3")["treated", "treated"])
  })
  q <- vapply(fits, `[`, 0, 1); u <- vapply(fits, `[`, 0, 2)
  p <- pool.scalar(q, u, n = n, k = 4)
  put(case, c(value = p$qbar, se = sqrt(p$t), df = p$df, between = sqrt(p$b), fmi = p$fmi))
}
out <- do.call(rbind, rows)
out$value <- sprintf("%.16g", out$value)
write.csv(out, "missing.csv", row.names = FALSE, quote = FALSE)
