-- Puts entries aside.
-- KEYS work, dead; ARGV group, consumer, cap of the dead, most attempts, reason, then ids.
for i = 6, #ARGV do
  local fields, attempts = held(KEYS[1], ARGV[1], ARGV[2], ARGV[i])
  if fields then
    -- One that was taken out of the stream to find that it had been delivered too often already was not delivered.
    attempts = math.min(attempts, tonumber(ARGV[4]))
    bury(KEYS[1], KEYS[2], ARGV[1], ARGV[3], ARGV[i], fields, attempts, ARGV[5])
  end
end
return 1
