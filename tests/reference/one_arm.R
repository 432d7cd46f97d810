# Only one arm is taught in groups, learners of the other lean on nobody: clubSandwich 0.5.8 on the units
# (group means, and learners alone) and on learners, lmerTest 3.1-3 with pbkrtest 0.5.2 (each learner alone
# a group of one), and g by its formula. Writes one_arm_data.csv and one_arm.csv. Run here: Rscript one_arm.R
suppressMessages({library(clubSandwich); library(lmerTest); library(pbkrtest)})
options(digits = 15)
trial <- function(name, sizes, alone, icc, effect, seed, grouped = 1) {
  set.seed(seed)
  n <- c(sum(sizes), alone)
  group <- c(paste0("g", rep(seq_along(sizes), sizes)), paste0("alone", seq_len(alone)))
  in_groups <- rep(c(1, 0), n)
  prior <- round(rnorm(sum(n), 50, 10), 2)
  shift <- c(10 * sqrt(icc) * rnorm(length(sizes))[rep(seq_along(sizes), sizes)], rep(0, alone))
  noise <- c(10 * sqrt(1 - icc) * rnorm(n[1]), 10 * rnorm(alone))
  y <- round(40 + 0.3 * prior + effect * in_groups + shift + noise, 3)
  data.frame(case = name, group = group, treated = if (grouped == 1) in_groups else 1 - in_groups,
             grouped = in_groups, prior = prior, outcome = y, passed = as.integer(y > 57))
}
cases <- list(
  six = trial("six", c(8, 14, 11, 20, 9, 13), 60, 0.15, 4, 21),
  three = trial("three", c(12, 12, 12), 40, 0.1, 6, 22),
  fourteen = trial("fourteen", c(5, 9, 12, 20, 7, 6, 15, 11, 10, 8, 13, 9, 4, 16), 150, 0.2, 3, 23),
  no_variance = trial("no_variance", rep(15, 8), 100, 0, 3, 30),
  control_grouped = trial("control_grouped", c(8, 14, 11, 20, 9), 70, 0.15, -3, 25, grouped = 0)
)
rows <- list()
put <- function(case, name, value) rows[[length(rows) + 1]] <<- data.frame(case = case, name = name, value = value)
robust <- function(fit, cluster) {
  V <- vcovCR(fit, cluster = cluster, type = "CR2")
  s <- coef_test(fit, V, test = "Satterthwaite")["treated", ]
  c(b = s$beta, se = s$SE, df = s$df_Satt, p = s$p_Satt)
}
for (name in names(cases)) {
  d <- cases[[name]]
  units <- aggregate(cbind(outcome, passed, prior, treated) ~ group, d, mean)
  id <- seq_len(nrow(units))
  for (what in c("outcome", "passed")) {
    found <- list(units = robust(lm(reformulate("treated", what), units), id),
                  units_adjusted = robust(lm(reformulate(c("treated", "prior"), what), units), id),
                  learners = robust(lm(reformulate("treated", what), d), d$group),
                  learners_adjusted = robust(lm(reformulate(c("treated", "prior"), what), d), d$group))
    for (kind in names(found)) for (v in names(found[[kind]]))
      put(name, paste(what, kind, v, sep = "_"), found[[kind]][[v]])
  }
  for (f in c("outcome ~ treated + (1 | group)", "outcome ~ treated + prior + (1 | group)")) {
    fit <- lmerTest::lmer(as.formula(f), d, control = lmerControl(calc.derivs = FALSE,
      check.nobs.vs.nlev = "ignore", check.conv.singular = "ignore",
      optCtrl = list(xtol_abs = 1e-11, ftol_abs = 1e-13, xtol_rel = 1e-11, maxeval = 10000)))
    k <- summary(fit, ddf = "Kenward-Roger")$coefficients["treated", ]
    kind <- if (grepl("prior", f)) "mixed_adjusted" else "mixed"
    for (v in c(b = "Estimate", se = "Std. Error", df = "df", p = "Pr(>|t|)"))
      put(name, paste0(kind, "_", names(which(c(b = "Estimate", se = "Std. Error", df = "df", p = "Pr(>|t|)") == v))), k[[v]])
    put(name, paste0(kind, "_between"), as.data.frame(VarCorr(fit))$vcov[1])
  }
  # g of the unadjusted difference of units, one arm grouped (COMPARISONS.md)
  inside <- d[d$grouped == 1, ]
  a <- anova(aov(outcome ~ group, inside))
  sizes <- table(inside$group)
  n0 <- (nrow(inside) - sum(sizes^2) / nrow(inside)) / (length(sizes) - 1)
  icc <- max(0, (a$"Mean Sq"[1] - a$"Mean Sq"[2]) / (a$"Mean Sq"[1] + (n0 - 1) * a$"Mean Sq"[2]))
  nt <- nrow(inside); nc <- nrow(d) - nt; N <- nt + nc; n <- nt / length(sizes)
  S <- sqrt(((nt - 1) * var(inside$outcome) + (nc - 1) * var(d$outcome[d$grouped == 0])) / (N - 2))
  gamma <- 1 - (nc + n - 2) * icc / (N - 2)
  h <- ((N - 2) * (1 - icc) + (nt - n) * icc)^2 /
    ((N - 2) * (1 - icc)^2 + (nt - n) * n * icc^2 + 2 * (nt - n) * (1 - icc) * icc)
  found <- robust(lm(outcome ~ treated, units), id)
  g <- (1 - 3 / (4 * h - 1)) * sqrt(gamma) * found[["b"]] / S
  se <- sqrt((found[["se"]] / S)^2 * gamma + g^2 / (2 * h))
  half <- qt(0.975, found[["df"]]) * se
  for (v in c("icc", "gamma", "h", "g", "se")) put(name, paste0("g_", v), get(v))
  put(name, "g_low", g - half); put(name, "g_high", g + half)
}
out <- do.call(rbind, rows)
out$value <- sprintf("%.16g", out$value)
write.csv(out, "one_arm.csv", row.names = FALSE, quote = FALSE)
write.csv(do.call(rbind, cases), "one_arm_data.csv", row.names = FALSE, quote = FALSE)
