-- KEYS work, later, dead; ARGV group.
-- Answers lengths of the stream, of what is held, put off and buried, and milliseconds since the oldest entry, or -1.
local pending = redis.pcall('XPENDING', KEYS[1], ARGV[1])
local held = not pending.err and pending[1] or 0
local age = -1
local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
if first then
  age = math.max(0, now() - tonumber(string.match(first[1], '%d+')))
end
return { redis.call('XLEN', KEYS[1]), held, redis.call('ZCARD', KEYS[2]), redis.call('XLEN', KEYS[3]), age }
