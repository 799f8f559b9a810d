-- Puts entries aside.
-- KEYS work, dead; ARGV group, consumer, cap of the dead, reason, then ids.
for i = 5, #ARGV do
  local fields, attempts = held(KEYS[1], ARGV[1], ARGV[2], ARGV[i])
  if fields then
    bury(KEYS[1], KEYS[2], ARGV[1], ARGV[3], ARGV[i], fields, attempts, ARGV[4])
  end
end
return 1
