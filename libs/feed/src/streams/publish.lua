-- Appends notices unless that makes too many of them. What was put off does not count.
-- KEYS work; ARGV capacity, then topic, company, subject, revision and note of each. Answers whether it did.
if redis.call('XLEN', KEYS[1]) + (#ARGV - 1) / 5 > tonumber(ARGV[1]) then
  return 0
end
for i = 2, #ARGV, 5 do
  redis.call('XADD', KEYS[1], '*', 't', ARGV[i], 'c', ARGV[i + 1], 's', ARGV[i + 2], 'r', ARGV[i + 3], 'n', ARGV[i + 4])
end
return 1
