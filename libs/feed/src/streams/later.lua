-- Puts entries off.
-- KEYS work, later; ARGV group, consumer, milliseconds, then ids.
local due = now() + tonumber(ARGV[3])
for i = 4, #ARGV do
  local fields, attempts = held(KEYS[1], ARGV[1], ARGV[2], ARGV[i])
  if fields then
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
return 1
