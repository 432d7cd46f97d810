# Random-intercept models of trials of groups: lme4 1.1-31, lmerTest 3.1-3 (Satterthwaite), pbkrtest 0.5.2
# (Kenward-Roger). Writes mixed_data.csv, the trials, and mixed.csv, R's values for them.
# Run in this folder: Rscript mixed.R
suppressMessages({library(lme4); library(lmerTest); library(pbkrtest)})
options(digits = 15)
tight <- lmerControl(optimizer = "nloptwrap", calc.derivs = FALSE,
                     optCtrl = list(xtol_abs = 1e-11, ftol_abs = 1e-13, xtol_rel = 1e-11, maxeval = 10000),
                     check.conv.singular = "ignore")

trial <- function(name, sizes, icc, effect, seed, within_groups = FALSE) {
  set.seed(seed)
  G <- length(sizes)
  arm <- rep(c(0, 1), length.out = G)
  group <- rep(seq_len(G), sizes)
  n <- length(group)
  treated <- if (within_groups) rbinom(n, 1, 0.4) else arm[group]
  site <- round(rnorm(G), 3)[group]
  prior <- round(rnorm(n, 50, 10), 2)
  y <- 40 + 0.3 * prior + effect * treated + 10 * sqrt(icc) * rnorm(G)[group] + 10 * sqrt(1 - icc) * rnorm(n)
  data.frame(case = name, group = paste0("g", group), treated = treated, prior = prior, site = site,
             outcome = round(y, 3))
}

set.seed(7)
cases <- list(
  unbalanced = list(d = trial("unbalanced", sample(3:40, 24), 0.15, 3, 11), f = outcome ~ treated + prior + site + (1 | group)),
  three_three = list(d = trial("three_three", c(8, 15, 11, 9, 14, 10), 0.2, 4, 12), f = outcome ~ treated + (1 | group)),
  zero_between = list(d = trial("zero_between", rep(20, 12), 0, 1, 4), f = outcome ~ treated + (1 | group)),
  zero_adjusted = list(d = trial("zero_adjusted", c(3, 30, 12, 18, 25, 6, 9, 21, 14, 10), 0, 2, 3),
                       f = outcome ~ treated + prior + (1 | group)),
  nearly_zero = list(d = trial("nearly_zero", sample(5:35, 12), 0.02, 1, 36), f = outcome ~ treated + (1 | group)),
  strong = list(d = trial("strong", sample(5:12, 20, TRUE), 0.7, 0, 15), f = outcome ~ treated + prior + (1 | group)),
  blocked = list(d = trial("blocked", sample(6:20, 9), 0.3, 2, 16, TRUE), f = outcome ~ treated + prior + (1 | group))
)

rows <- list()
put <- function(case, name, value) rows[[length(rows) + 1]] <<- data.frame(case = case, name = name, value = value)
for (name in names(cases)) {
  d <- cases[[name]]$d
  fit <- lmerTest::lmer(cases[[name]]$f, d, control = tight)
  s <- summary(fit, ddf = "Satterthwaite")$coefficients["treated", ]
  k <- summary(fit, ddf = "Kenward-Roger")$coefficients["treated", ]
  v <- as.data.frame(VarCorr(fit))$vcov
  values <- c(b = s[["Estimate"]], se = s[["Std. Error"]], df_satterthwaite = s[["df"]],
              p_satterthwaite = s[["Pr(>|t|)"]], se_kr = k[["Std. Error"]], df_kr = k[["df"]],
              p_kr = k[["Pr(>|t|)"]], between = v[1], within = v[2])
  half <- qt(0.975, values[["df_kr"]]) * values[["se_kr"]]
  values <- c(values, low_kr = values[["b"]] - half, high_kr = values[["b"]] + half)
  half <- qt(0.975, values[["df_satterthwaite"]]) * values[["se"]]
  values <- c(values, low_satterthwaite = values[["b"]] - half, high_satterthwaite = values[["b"]] + half)
  null <- lmer(outcome ~ 1 + (1 | group), d, control = tight)
  u <- as.data.frame(VarCorr(null))$vcov
  a <- anova(aov(outcome ~ group, d))
  values <- c(values, icc = u[1] / sum(u), msb = a$"Mean Sq"[1], msw = a$"Mean Sq"[2])
  for (v in names(values)) put(name, v, values[[v]])
}
out <- do.call(rbind, rows)
out$value <- sprintf("%.16g", out$value)
write.csv(out, "mixed.csv", row.names = FALSE, quote = FALSE)
write.csv(do.call(rbind, lapply(cases, function(x) x$d)), "mixed_data.csv", row.names = FALSE, quote = FALSE)
