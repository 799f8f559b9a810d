-- Appends buried entries to the stream again, as new ones.
-- KEYS work, dead; ARGV 'ids' and ids, or 'until', an id and how many at most. Answers how many there were.
local found = {}
if ARGV[1] == 'until' then
  found = redis.call('XRANGE', KEYS[2], '-', ARGV[2], 'COUNT', ARGV[3])
else
  for i = 2, #ARGV do
    found[#found + 1] = redis.call('XRANGE', KEYS[2], ARGV[i], ARGV[i])[1]
  end
end
local replayed = 0
for _, entry in ipairs(found) do
  local fields = {}
  -- The last two are its attempts and the reason.
  for i = 1, #entry[2] - 4, 2 do
    if entry[2][i] ~= 'a' then
      fields[#fields + 1] = entry[2][i]
      fields[#fields + 1] = entry[2][i + 1]
    end
  end
  -- The same id twice is one.
  if redis.call('XDEL', KEYS[2], entry[1]) == 1 and #fields > 0 then
    redis.call('XADD', KEYS[1], '*', unpack(fields))
    replayed = replayed + 1
  end
end
return replayed
