# Truth for tests/test_intervals.py: intervals of a share and of a mean of cells that come in clusters.
# Rscript intervals.R        (R 4.2.2, survey 4.1; writes intervals_cells.csv and intervals.csv)
suppressMessages(library(survey))
set.seed(11)
cells <- do.call(rbind, lapply(c("equal", "unequal"), function(design) {
  clusters <- if (design == "equal") 12 else 15
  size <- if (design == "equal") rep(4, clusters) else sample(1:9, clusters, replace = TRUE)
  lean <- rep(rnorm(clusters, 0, 0.8), size)
  data.frame(
    design = design, cluster = rep(seq_len(clusters), size),
    yes = rbinom(sum(size), 1, plogis(0.4 + lean)),
    score = round(pmin(pmax(0.6 + 0.15 * lean + rnorm(sum(size), 0, 0.1), 0), 1), 3)
  )
}))
write.csv(cells, "intervals_cells.csv", row.names = FALSE)

wilson <- function(p, n, z) {
  middle <- (p + z^2 / (2 * n)) / (1 + z^2 / n)
  half <- z / (1 + z^2 / n) * sqrt(p * (1 - p) / n + z^2 / (4 * n^2))
  c(middle - half, middle + half)
}
rows <- list()
add <- function(...) {
  row <- lapply(list(...), function(x) if (is.numeric(x)) as.numeric(x) else x)
  rows[[length(rows) + 1]] <<- as.data.frame(row)
}
for (name in c("equal", "unequal")) {
  part <- cells[cells$design == name, ]
  design <- svydesign(ids = ~cluster, data = part, weights = rep(1, nrow(part)))
  share <- svymean(~yes, design)
  score <- svymean(~score, design)
  sizes <- as.numeric(table(part$cluster))
  effective <- sum(sizes)^2 / sum(sizes^2)  # equals degf + 1 where clusters are of one size
  for (level in c(0.9, 0.95)) {
    alpha <- 1 - level
    p <- coef(share)
    size <- p * (1 - p) / vcov(share) * (qt(alpha / 2, nrow(part) - 1) / qt(alpha / 2, effective - 1))^2
    size <- min(size, nrow(part))
    bounds <- wilson(p, size, qnorm(1 - alpha / 2))
    ci <- confint(score, level = level, df = effective - 1)
    add(design = name, level = level, what = "share", value = p, se = SE(share), low = bounds[1], high = bounds[2], size = size)
    add(design = name, level = level, what = "mean", value = coef(score), se = SE(score), low = ci[1], high = ci[2], size = effective)
    first <- part[!duplicated(part$cluster), ]
    plain <- t.test(first$score, conf.level = level)
    add(design = name, level = level, what = "single", value = plain$estimate, se = plain$stderr,
        low = plain$conf.int[1], high = plain$conf.int[2], size = nrow(first))
    one <- prop.test(sum(first$yes), nrow(first), conf.level = level, correct = FALSE)
    add(design = name, level = level, what = "wilson", value = one$estimate, se = NA,
        low = one$conf.int[1], high = one$conf.int[2], size = nrow(first))
    if (name == "equal") {  # the package's own effective size, through its own interval
      beta <- svyciprop(~yes, design, method = "beta", level = level)
      add(design = name, level = level, what = "beta", value = beta[1], se = NA,
          low = confint(beta)[1], high = confint(beta)[2], size = size)
    }
  }
}
write.csv(do.call(rbind, rows), "intervals.csv", row.names = FALSE, quote = FALSE, na = "")
