-- The value of a field; nothing where there is none.
local function field(fields, name)
  for i = 1, #fields, 2 do
    if fields[i] == name then
      return fields[i + 1]
    end
  end
  return nil
end

-- How often an entry had been delivered before it came into the stream under its present id.
local function prior(fields)
  return tonumber(field(fields, 'a')) or 0
end

-- Takes an entry out of the stream.
local function remove(work, group, id)
  redis.call('XACK', work, group, id)
  redis.call('XDEL', work, id)
end

-- Puts an entry aside as it is, for what is strange about it may be of interest, but not without limit.
local function bury(work, dead, group, cap, id, fields, attempts, why)
  local entry = {}
  for i = 1, math.min(#fields, 64) do
    entry[i] = string.sub(fields[i], 1, 4096)
  end
  entry[#entry + 1] = 'attempts'
  entry[#entry + 1] = attempts
  entry[#entry + 1] = 'why'
  entry[#entry + 1] = why
  redis.call('XADD', dead, 'MAXLEN', '~', cap, '*', unpack(entry))
  remove(work, group, id)
end

-- What a consumer holds of an id: its fields and attempts; nothing if it does not hold it.
local function held(work, group, consumer, id)
  local pending = redis.call('XPENDING', work, group, id, id, 1, consumer)[1]
  if not pending then
    return nil
  end
  local entry = redis.call('XRANGE', work, id, id)[1]
  if not entry then
    redis.call('XACK', work, group, id)
    return nil
  end
  return entry[2], prior(entry[2]) + pending[4]
end

local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
