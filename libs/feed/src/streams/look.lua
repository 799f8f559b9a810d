-- Brings back what was put off and is due, and takes over what was abandoned.
-- KEYS work, later, dead, companies; ARGV group, consumer, milliseconds until abandoned, cursor, most, most attempts, cap of
-- the dead, capacity.
-- Answers the next cursor, milliseconds until more is due (or -1), entries as id, attempts, fields, and how many were buried.
local work, later, dead, companies = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local group, consumer, idle, cursor = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local most, limit, cap = tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[7]

-- Fails before anything is changed if the group is gone.
redis.call('XPENDING', work, group)

-- What comes back leaves half of the room to what is new, but for a few, so that neither waits for the other without end.
local room = math.floor(tonumber(ARGV[8]) / 2) - redis.call('XLEN', work)
local back = math.min(1000, math.max(room, math.ceil(most / 5)))
for _, packed in ipairs(redis.call('ZRANGEBYSCORE', later, '-inf', now(), 'LIMIT', 0, back)) do
  local read, entry = pcall(cmsgpack.unpack, packed)
  local fields = read and type(entry) == 'table' and entry[2]
  local good = type(fields) == 'table' and #fields > 0 and #fields % 2 == 0 and #fields <= 1000
  if good then
    for _, part in ipairs(fields) do
      good = good and type(part) == 'string'
    end
  end
  if not good then
    fields = { 'rubbish', packed }
  end
  redis.call('XADD', work, '*', unpack(fields))
  redis.call('ZREM', later, packed)
  local company = good and field(fields, 'c') or ''
  if redis.call('HINCRBY', companies, company, -1) <= 0 then
    redis.call('HDEL', companies, company)
  end
end

local entries, buried = {}, 0
for _ = 1, 10 do
  local claimed = redis.call('XAUTOCLAIM', work, group, consumer, idle, cursor, 'COUNT', most)
  cursor = claimed[1]
  for _, entry in ipairs(claimed[2]) do
    if entry then
      local id, fields = entry[1], entry[2]
      local pending = redis.call('XPENDING', work, group, id, id, 1)[1]
      local attempts = prior(fields) + (pending and pending[4] or 1)
      if attempts > limit then
        bury(work, dead, group, cap, id, fields, limit, 'given up after ' .. limit .. ' deliveries')
        buried = buried + 1
      else
        entries[#entries + 1] = { id, attempts, fields }
      end
    end
  end
  if #entries > 0 or cursor == '0-0' then
    break
  end
end

local wait = -1
local first = redis.call('ZRANGE', later, 0, 0, 'WITHSCORES')
if first[2] then
  wait = math.max(0, math.ceil(tonumber(first[2]) - now()))
end
return { cursor, wait, entries, buried }
