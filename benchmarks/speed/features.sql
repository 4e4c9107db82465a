-- One snapshot by hand: days and orders are counted over the columns they need, all sums in one grouping.
COPY (
WITH lines AS (
  SELECT profile_id, event_day - DATE '1970-01-01' AS day, event_hour, amount, quantity, order_id, is_return
  FROM read_parquet($log) WHERE event = 'purchase' AND event_day - DATE '1970-01-01' < $end
), orders AS (
  SELECT DISTINCT profile_id, day, order_id FROM lines WHERE NOT is_return
), days AS (
  SELECT profile_id, day, count(order_id) AS orders FROM orders GROUP BY ALL
), gaps AS (
  SELECT *, day - lag(day) OVER (PARTITION BY profile_id ORDER BY day) AS gap FROM days
), history AS (
  SELECT profile_id, count(*) AS n, min(day) AS first_day, max(day) AS last_day, sum(gap * gap) AS squares,
    max(gap) AS gap_max, arg_max(gap, day) AS gap_last, count(*) FILTER ((day + 3) % 7 >= 5) AS weekend,
    count(*) FILTER (day >= $end - 7) AS purchase_days_7d, sum(orders) FILTER (day >= $end - 7) AS orders_7d,
    count(*) FILTER (day >= $end - 30) AS purchase_days_30d, sum(orders) FILTER (day >= $end - 30) AS orders_30d,
    count(*) FILTER (day >= $end - 90) AS purchase_days_90d, sum(orders) FILTER (day >= $end - 90) AS orders_90d,
    count(*) FILTER (day >= $end - 365) AS purchase_days_365d, sum(orders) FILTER (day >= $end - 365) AS orders_365d
  FROM gaps GROUP BY 1
), sums AS (
  SELECT profile_id, sum(amount) AS spend_all, count(*) FILTER (NOT is_return) AS lines_all,
    count(*) FILTER (NOT is_return AND event_hour < 12) AS morning,
    count(*) FILTER (NOT is_return AND event_hour >= 18) AS evening,
    count(*) FILTER (NOT is_return AND day >= $end - 7) AS lines_7d, sum(quantity) FILTER (NOT is_return AND day >= $end - 7) AS quantity_7d,
    sum(amount) FILTER (day >= $end - 7) AS spend_7d,
    count(*) FILTER (NOT is_return AND day >= $end - 30) AS lines_30d, sum(quantity) FILTER (NOT is_return AND day >= $end - 30) AS quantity_30d,
    sum(amount) FILTER (day >= $end - 30) AS spend_30d,
    count(*) FILTER (NOT is_return AND day >= $end - 90) AS lines_90d, sum(quantity) FILTER (NOT is_return AND day >= $end - 90) AS quantity_90d,
    sum(amount) FILTER (day >= $end - 90) AS spend_90d,
    count(*) FILTER (NOT is_return AND day >= $end - 365) AS lines_365d, sum(quantity) FILTER (NOT is_return AND day >= $end - 365) AS quantity_365d,
    sum(amount) FILTER (day >= $end - 365) AS spend_365d
  FROM lines GROUP BY 1
), baskets AS (
  SELECT profile_id, sum(amount) AS basket_last
  FROM lines JOIN (SELECT profile_id, last_day FROM history) USING (profile_id) WHERE day = last_day GROUP BY 1
)
SELECT profile_id, ($end - last_day)::DOUBLE AS recency_days, ($end - first_day)::DOUBLE AS tenure_days,
  n::DOUBLE AS purchase_days_all, spend_all::DOUBLE AS spend_all, n::DOUBLE / nullif($end - first_day, 0) AS purchase_day_rate,
  spend_all::DOUBLE / nullif($end - first_day, 0) AS spend_rate, CASE WHEN first_day IS NOT NULL THEN least($end - first_day, 365) END::DOUBLE AS tenure_bounded_days,
  (last_day - first_day)::DOUBLE / nullif(n - 1, 0) AS gap_mean_days,
  sqrt(((n - 1) * squares - (last_day - first_day) * (last_day - first_day))::DOUBLE / nullif((n - 1) * (n - 1), 0)) AS gap_std_days,
  gap_max::DOUBLE AS gap_max_days, gap_last::DOUBLE AS gap_last_days,
  ($end - last_day)::DOUBLE / nullif((last_day - first_day)::DOUBLE / nullif(n - 1, 0), 0) AS recency_over_gap,
  ($end - last_day)::DOUBLE / nullif(gap_max, 0) AS recency_over_longest_gap,
  spend_all::DOUBLE / nullif(n, 0) AS basket_mean, basket_last::DOUBLE AS basket_last,
  basket_last::DOUBLE / nullif(spend_all::DOUBLE / n, 0) AS basket_last_over_mean,
  weekend::DOUBLE / n AS weekend_share, morning::DOUBLE / nullif(lines_all, 0) AS morning_share,
  evening::DOUBLE / nullif(lines_all, 0) AS evening_share, nullif(lines_all, 0)::DOUBLE / n AS lines_per_purchase_day,
  coalesce(purchase_days_7d, 0)::DOUBLE AS purchase_days_7d,
  coalesce(purchase_days_30d, 0)::DOUBLE AS purchase_days_30d,
  coalesce(purchase_days_90d, 0)::DOUBLE AS purchase_days_90d,
  coalesce(purchase_days_365d, 0)::DOUBLE AS purchase_days_365d,
  coalesce(orders_7d, 0)::DOUBLE AS orders_7d,
  coalesce(orders_30d, 0)::DOUBLE AS orders_30d,
  coalesce(orders_90d, 0)::DOUBLE AS orders_90d,
  coalesce(orders_365d, 0)::DOUBLE AS orders_365d,
  coalesce(lines_7d, 0)::DOUBLE AS lines_7d,
  coalesce(lines_30d, 0)::DOUBLE AS lines_30d,
  coalesce(lines_90d, 0)::DOUBLE AS lines_90d,
  coalesce(lines_365d, 0)::DOUBLE AS lines_365d,
  coalesce(quantity_7d, 0)::DOUBLE AS quantity_7d,
  coalesce(quantity_30d, 0)::DOUBLE AS quantity_30d,
  coalesce(quantity_90d, 0)::DOUBLE AS quantity_90d,
  coalesce(quantity_365d, 0)::DOUBLE AS quantity_365d,
  coalesce(spend_7d, 0)::DOUBLE AS spend_7d,
  coalesce(spend_30d, 0)::DOUBLE AS spend_30d,
  coalesce(spend_90d, 0)::DOUBLE AS spend_90d,
  coalesce(spend_365d, 0)::DOUBLE AS spend_365d,
  coalesce(purchase_days_7d, 0)::DOUBLE / nullif((purchase_days_30d * 7)::DOUBLE / 30, 0) AS purchase_days_trend_7_30d,
  coalesce(spend_7d, 0)::DOUBLE / nullif((spend_30d * 7)::DOUBLE / 30, 0) AS spend_trend_7_30d,
  coalesce(purchase_days_30d, 0)::DOUBLE / nullif((purchase_days_90d * 30)::DOUBLE / 90, 0) AS purchase_days_trend_30_90d,
  coalesce(spend_30d, 0)::DOUBLE / nullif((spend_90d * 30)::DOUBLE / 90, 0) AS spend_trend_30_90d,
  coalesce(purchase_days_90d, 0)::DOUBLE / nullif((purchase_days_365d * 90)::DOUBLE / 365, 0) AS purchase_days_trend_90_365d,
  coalesce(spend_90d, 0)::DOUBLE / nullif((spend_365d * 90)::DOUBLE / 365, 0) AS spend_trend_90_365d
FROM sums LEFT JOIN history USING (profile_id) LEFT JOIN baskets USING (profile_id) ORDER BY profile_id
) TO $target (FORMAT parquet, COMPRESSION zstd)
