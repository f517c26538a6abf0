-- What the replicas of one caller were told, and which of them asks next. All times are Redis's own.
--
-- KEYS: the generation, the lease, then one for each answer. Answers and leases begin with the generation that they
-- belong to and count in no other; whoever forgets begins a new one.
local verb, generation_key, lease_key = ARGV[1], KEYS[1], KEYS[2]

local function of(generation, key)
  local held = redis.call('GET', key)
  if held and held:sub(1, #generation) == generation then
    return held:sub(#generation + 1)
  end
  return false
end

-- ask TOKEN LEASE LIFE: {"told" | "yours" | "wait", generation, [milliseconds left, answer] or nothing for each}
if verb == 'ask' then
  local token, lease, life = ARGV[2], ARGV[3], ARGV[4]
  redis.call('SET', generation_key, token, 'NX', 'PX', 2 * life)
  redis.call('PEXPIRE', generation_key, 2 * life)
  local generation = redis.call('GET', generation_key)
  local told, state = {}, 'told'
  for place = 3, #KEYS do
    local answer = of(generation, KEYS[place])
    told[place - 2] = answer and { redis.call('PTTL', KEYS[place]), answer } or {}
    if not answer then
      state = 'wait'
    end
  end
  if state == 'wait' and not of(generation, lease_key) then
    redis.call('SET', lease_key, generation .. token, 'PX', lease)
    state = 'yours'
  end
  return { state, generation, told }
end

-- keep GENERATION TOKEN LIFE ANSWER...: kept unless all was forgotten, or another replica asks or was told meanwhile
if verb == 'keep' then
  local generation, token, life = ARGV[2], ARGV[3], ARGV[4]
  local mine = of(generation, lease_key) == token
  if redis.call('GET', generation_key) ~= generation or (not mine and of(generation, lease_key)) then
    return 0
  end
  redis.call('PEXPIRE', generation_key, 2 * life)
  for place = 3, #KEYS do
    if mine or not of(generation, KEYS[place]) then
      redis.call('SET', KEYS[place], generation .. ARGV[place + 2], 'PX', life)
    end
  end
  return mine and redis.call('DEL', lease_key) or 0
end

-- release TOKEN: another replica may ask
if verb == 'release' then
  local token, held = ARGV[2], redis.call('GET', lease_key)
  return held and held:sub(-#token) == token and redis.call('DEL', lease_key) or 0
end

-- drop: these answers are worth nothing
if verb == 'drop' then
  return redis.call('DEL', unpack(KEYS, 3))
end

-- forget TOKEN LIFE: nothing that was told or is being asked counts any more
redis.call('SET', generation_key, ARGV[2], 'PX', 2 * ARGV[3])
return 0
