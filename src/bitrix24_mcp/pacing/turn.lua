-- Turns on one portal, granted to all replicas together, on Redis's own clock. Each call does one thing as a whole:
--   look, take         whether a request may go out now; take also takes the turn, once for each token
--   give_back          a request is answered
--   pause, hold, fill  the portal asks for patience; a key is not used before its reset; the portal's bucket is full
--   report             what a replica sent while it was alone, or before Redis lost its memory
-- KEYS: the epoch, the portal's pace, its places, its latest turns; then of a key its window and until when it is held
--   (report: the windows of all its turns). ARGV: the mode, the epoch that the replica knows, its name, the rules (0 =
--   none), and what the mode takes. Moments and spans are microseconds.
-- It answers {"report", epoch} to whom it does not know since it remembers, and then has done nothing.

local MONTH, HOUR, SECOND = 2592000000, 3600000, 1000000  -- the first two are milliseconds, as expiries are
local mode, known, replica = ARGV[1], ARGV[2], ARGV[3]
local settling, lease, in_flight = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local spacing, any_second = tonumber(ARGV[7]), tonumber(ARGV[8])
local usable, drain = tonumber(ARGV[9]), tonumber(ARGV[10])
local per_window, window = tonumber(ARGV[11]), tonumber(ARGV[12])
local EPOCH, PACE, PLACES, LATEST, WINDOW, HELD = unpack(KEYS)
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

local function text(number)
  return string.format('%.0f', number)  -- a plain number would keep fourteen digits only
end

local epoch = redis.call('GET', EPOCH) or text(now)
redis.call('SET', EPOCH, epoch, 'PX', MONTH)
if known ~= epoch then return {'report', epoch} end

local fields = redis.call('HMGET', PACE, 'next', 'level', 'at', 'wanted_by', 'wanted_until')
local next_at = tonumber(fields[1] or 0)

-- Nobody knows how full a bucket is that is not remembered: it counts as full from when this Redis began to remember.
local function level()
  local was, at = tonumber(fields[2] or usable), tonumber(fields[3] or epoch)
  return math.max(0, was - (now - at) * drain / SECOND)
end

local function set(...)
  redis.call('HSET', PACE, ...)
  redis.call('PEXPIRE', PACE, HOUR)
end

local function pause(span)
  next_at = math.max(next_at, now + span)
  set('next', text(next_at))
end

local function fill()
  if usable > 0 then set('level', usable, 'at', text(now)) end
end

local function count(turns, token, moment)
  redis.call('ZADD', turns, 'GT', text(moment), token)
  redis.call('PEXPIRE', turns, math.ceil(window / 1000) + 1000)
end

local function count_for_all(token, moment)
  if any_second > 0 then count(LATEST, token, moment) end
  if WINDOW then count(WINDOW, token, moment) end
end

local function place(token, span)
  redis.call('ZADD', PLACES, text(now + span), token)
  redis.call('PEXPIRE', PLACES, math.ceil(lease / 1000) + 1000)
end

-- When the turn that many ago lies so long back.
local function free_at(turns, many, span)
  local turn = redis.call('ZREVRANGE', turns, many - 1, many - 1, 'WITHSCORES')
  return tonumber(turn[2] or 0) + (turn[2] and span or 0)
end

local function earliest()
  local moment = math.max(next_at, tonumber(epoch) + settling)
  if any_second > 0 then moment = math.max(moment, free_at(LATEST, any_second, SECOND)) end
  if WINDOW then
    local held = tonumber(redis.call('GET', HELD) or 0)
    moment = math.max(moment, held, free_at(WINDOW, per_window, window))
  end
  if usable > 0 then
    local over = level() + 1 - usable
    if over > 0.000001 then moment = math.max(moment, now + over / drain * SECOND) end
  end
  return moment
end

-- Whether there is a place for the replica. Whoever asked in vain first comes first, so that one who always has
-- another request at hand does not keep the others out.
local function has_place()
  redis.call('ZREMRANGEBYSCORE', PLACES, '-inf', text(now))
  local full = redis.call('ZCARD', PLACES) >= in_flight
  local others = fields[4] and fields[4] ~= replica and tonumber(fields[5]) > now
  if full and not others then set('wanted_by', replica, 'wanted_until', text(now + SECOND / 10)) end
  return not full and not others
end

local function left()
  if not WINDOW then return 0 end
  redis.call('ZREMRANGEBYSCORE', WINDOW, '-inf', text(now - window))
  return per_window - redis.call('ZCARD', WINDOW)
end

local function take(token)
  if redis.call('ZSCORE', PLACES, token) then return {'taken', left()} end
  local wait = math.ceil(earliest() - now)
  if wait > 0 then return {'wait', wait} end
  if not has_place() then return {'full'} end
  place(token, lease)
  set('next', text(math.max(next_at, now) + spacing), 'wanted_until', '0')
  if usable > 0 then set('level', tostring(level() + 1), 'at', text(now)) end
  redis.call('ZREMRANGEBYSCORE', LATEST, '-inf', text(now - SECOND))
  count_for_all(token, now)
  return {'taken', left()}
end

local function give_back(token)
  redis.call('ZREM', PLACES, token)
  count_for_all(token, now)
  return {'done'}
end

local function hold(span)
  local held = math.max(tonumber(redis.call('GET', HELD) or 0), now + span)
  redis.call('SET', HELD, text(held), 'PX', math.ceil((held - now) / 1000) + 1)
  return {'done'}
end

-- Turns are four arguments each: token, how long ago, for how long still under way, and the number of the window's key.
-- All wait until the other replicas, who may have been alone too, have had time to report as well.
local function report(paused)
  for first = 14, #ARGV, 4 do
    local token, moment, under_way = ARGV[first], now - ARGV[first + 1], tonumber(ARGV[first + 2])
    local of_key = KEYS[4 + tonumber(ARGV[first + 3])]
    if any_second > 0 then count(LATEST, token, moment) end
    if of_key ~= LATEST then count(of_key, token, moment) end
    if under_way > 0 then place(token, under_way) else redis.call('ZREM', PLACES, token) end
  end
  fill()
  pause(math.max(paused, settling))
  return {'done'}
end

if mode == 'look' then return {'wait', math.ceil(earliest() - now)} end
if mode == 'take' then return take(ARGV[13]) end
if mode == 'give_back' then return give_back(ARGV[13]) end
if mode == 'hold' then return hold(tonumber(ARGV[13])) end
if mode == 'report' then return report(tonumber(ARGV[13])) end
if mode == 'pause' then pause(tonumber(ARGV[13])) else fill() end
return {'done'}
