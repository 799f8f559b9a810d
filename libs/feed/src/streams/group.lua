-- Makes the group if there is none, which begins another epoch.
-- KEYS work, epoch; ARGV group, name of a new epoch. Answers the epoch.
local made = redis.pcall('XGROUP', 'CREATE', KEYS[1], ARGV[1], '0', 'MKSTREAM')
if not made.err then
  redis.call('SET', KEYS[2], ARGV[2])
elseif string.find(made.err, 'BUSYGROUP', 1, true) then
  redis.call('SET', KEYS[2], ARGV[2], 'NX')
else
  return made
end
return redis.call('GET', KEYS[2])
