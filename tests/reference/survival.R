# Robust (infinitesimal jackknife) standard error of Kaplan and Meier's estimate at the last time: survival 3.5.3.
# Run in this folder: Rscript survival.R
suppressMessages(library(survival))
options(digits = 15)
d <- data.frame(
  time = c(2, 3, 3, 5, 8, 8, 9, 12, 12, 12, 4, 12, 6.5, 12, 1, 12),
  happened = c(1, 1, 0, 1, 0, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0),
  who = c(1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 7, 8))
write.csv(d, "survival_data.csv", row.names = FALSE)
at <- function(fit) { s <- summary(fit, times = 12); c(surv = s$surv, se = s$std.err) }
alone <- at(survfit(Surv(time, happened) ~ 1, data = d, id = seq_len(nrow(d)), robust = TRUE))
clusters <- at(survfit(Surv(time, happened) ~ 1, data = d, cluster = who))
write.csv(data.frame(case = c("alone", "clusters"), rbind(alone, clusters)), "survival.csv", row.names = FALSE)
