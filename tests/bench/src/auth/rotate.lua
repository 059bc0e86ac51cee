-- A refresh as it would be if Redis kept the sessions: the current token gets the next one, the one before it the current
-- one again for a moment, and any other ends the session.
-- KEYS[1]: the session. ARGV: the token presented, the next one, now, seconds of grace, seconds until an idle session ends.
local session = redis.call('HMGET', KEYS[1], 'current', 'previous', 'rotated', 'ends', 'generation')
if not session[1] then
  return 'unknown'
end
local now, ends = tonumber(ARGV[3]), tonumber(session[4])
if now >= ends then
  redis.call('DEL', KEYS[1])
  return 'over'
end
if session[1] == ARGV[1] then
  redis.call('HSET', KEYS[1], 'current', ARGV[2], 'previous', session[1], 'rotated', now, 'generation', session[5] + 1)
  redis.call('EXPIRE', KEYS[1], math.min(tonumber(ARGV[5]), ends - now))
  return 'rotated'
end
if session[2] == ARGV[1] and now - tonumber(session[3]) <= tonumber(ARGV[4]) then
  return 'repeated'
end
redis.call('DEL', KEYS[1])
return 'reused'
