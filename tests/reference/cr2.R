# CR2 with Satterthwaite df and the HTZ test: clubSandwich 0.5.8, on the trials of mixed_data.csv and on bands.
# Run in this folder, after mixed.R: Rscript cr2.R
suppressMessages(library(clubSandwich))
options(digits = 15)
d <- read.csv("mixed_data.csv")
formulas <- list(unbalanced = outcome ~ treated + prior + site, three_three = outcome ~ treated,
                 zero_between = outcome ~ treated, zero_adjusted = outcome ~ treated + prior,
                 nearly_zero = outcome ~ treated, strong = outcome ~ treated + prior,
                 blocked = outcome ~ treated + prior)
rows <- list()
put <- function(case, values) for (v in names(values))
  rows[[length(rows) + 1]] <<- data.frame(case = case, name = v, value = values[[v]])
for (name in names(formulas)) {
  x <- d[d$case == name, ]
  fit <- lm(formulas[[name]], x)
  V <- vcovCR(fit, cluster = x$group, type = "CR2")
  s <- coef_test(fit, vcov = V, test = "Satterthwaite")["treated", ]
  df <- if (is.null(s$df)) s$df_Satt else s$df
  p <- if (is.null(s$p_val)) s$p_Satt else s$p_val
  half <- qt(0.975, df) * s$SE
  put(name, c(b = s$beta, se = s$SE, df = df, p = p, low = s$beta - half, high = s$beta + half))
}
# One interaction test over bands of the prior score, the effect in each band from the same model.
x <- d[d$case == "unbalanced", ]
x$band <- cut(x$prior, c(-Inf, 45, 52, Inf), labels = c("a", "b", "c"))
fit <- lm(outcome ~ 0 + band + band:treated + site, x)
V <- vcovCR(fit, cluster = x$group, type = "CR2")
names <- names(coef(fit))
effects <- grep(":treated", names)
C <- matrix(0, 2, length(names))
C[1, effects[1]] <- C[2, effects[1]] <- -1
C[1, effects[2]] <- C[2, effects[3]] <- 1
w <- Wald_test(fit, constraints = C, vcov = V, test = "HTZ")
put("bands_cr2", c(F = w$Fstat, df_num = w$df_num, df_den = w$df_denom, p = w$p_val))
s <- coef_test(fit, vcov = V, test = "Satterthwaite")[effects, ]
for (i in 1:3) put("bands_cr2", setNames(
  c(s$beta[i], s$SE[i], if (is.null(s$df)) s$df_Satt[i] else s$df[i]), paste0(c("b", "se", "df"), i)))
V <- sandwich::vcovHC(fit, type = "HC3")
b <- C %*% coef(fit)
stat <- drop(t(b) %*% solve(C %*% V %*% t(C), b)) / 2
put("bands_hc3", c(F = stat, df_num = 2, df_den = fit$df.residual,
                   p = pf(stat, 2, fit$df.residual, lower.tail = FALSE)))
for (i in 1:3) put("bands_hc3", setNames(
  c(coef(fit)[effects[i]], sqrt(V[effects[i], effects[i]])), paste0(c("b", "se"), i)))
# The first band's effect against the mean of the two others.
k <- replace(numeric(length(names)), effects, c(1, -0.5, -0.5))
put("bands_hc3", c(contrast = sum(k * coef(fit)), contrast_se = sqrt(drop(k %*% V %*% k))))
out <- do.call(rbind, rows)
out$value <- sprintf("%.16g", out$value)
write.csv(out, "cr2.csv", row.names = FALSE, quote = FALSE)
