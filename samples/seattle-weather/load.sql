-- Loading the same year again changes nothing: a day is replaced by itself.
insert into weather_day (date, precipitation, temp_max, temp_min, wind, weather)
select json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
       json_extract(value, '$[3]'), json_extract(value, '$[4]'), json_extract(value, '$[5]')
from json_each(${records})
where true
on conflict (date) do update set
  precipitation = excluded.precipitation, temp_max = excluded.temp_max, temp_min = excluded.temp_min,
  wind = excluded.wind, weather = excluded.weather
