-- Twelve monthly rows as one JSON value, and the year's own figures beside it: the first row becomes the task's outputs.
with day as (
  select * from weather_day where date between cast(${year} as text) || '-01-01' and cast(${year} as text) || '-12-31'
), month as (
  select substr(date, 1, 7) as month, count(*) as days, round(sum(precipitation), 1) as precipitation,
         round(avg(temp_max), 1) as temp_max, round(avg(temp_min), 1) as temp_min, sum(precipitation > 0) as wet_days
  from day
  group by substr(date, 1, 7)
  order by 1
)
select
  (select json_group_array(json_object('month', month, 'days', days, 'precipitation', precipitation,
     'tempMax', temp_max, 'tempMin', temp_min, 'wetDays', wet_days)) from month) as months,
  (select count(*) from day) as days_loaded,
  (select round(sum(precipitation), 1) from day) as total_precipitation,
  (select round(avg(temp_max), 2) from day) as mean_temp_max,
  (select date from day order by temp_max desc, date limit 1) as hottest_day,
  (select month from month order by precipitation desc, month limit 1) as wettest_month,
  -- Where the report goes: beside the database.
  (select file from pragma_database_list where name = 'main') as database
