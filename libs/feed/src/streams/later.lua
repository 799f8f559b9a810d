-- Puts entries off, or aside where too many of their company are put off already.
-- KEYS work, later, companies, dead; ARGV group, consumer, milliseconds, most of a company, cap of the dead, reason to put
-- aside, then ids. Answers how many were put aside.
local due, buried = now() + tonumber(ARGV[3]), 0
for i = 7, #ARGV do
  local fields, attempts = held(KEYS[1], ARGV[1], ARGV[2], ARGV[i])
  if fields then
    local company = field(fields, 'c') or ''
    if redis.call('HINCRBY', KEYS[3], company, 1) > tonumber(ARGV[4]) then
      redis.call('HINCRBY', KEYS[3], company, -1)
      bury(KEYS[1], KEYS[4], ARGV[1], ARGV[5], ARGV[i], fields, attempts, ARGV[6])
      buried = buried + 1
    else
      local kept = {}
      for j = 1, #fields, 2 do
        if fields[j] ~= 'a' then
          kept[#kept + 1] = fields[j]
          kept[#kept + 1] = fields[j + 1]
        end
      end
      kept[#kept + 1] = 'a'
      kept[#kept + 1] = tostring(attempts)
      -- The id makes it differ from others with the same fields.
      redis.call('ZADD', KEYS[2], due, cmsgpack.pack({ ARGV[i], kept }))
      remove(KEYS[1], ARGV[1], ARGV[i])
    end
  end
end
return buried
