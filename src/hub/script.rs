//! What has to happen at once in Redis, in its own language, with the one key KEYS\[1\]. The value of
//! a name's key is a boot, a space, and another number each time.

/// ARGV: the boot, a number, the time to live in ms. Takes a free name, or keeps its own; 0: it is
/// another one's.
pub(super) const RENEW: &str = "\
local now = redis.call('GET', KEYS[1])
if now and string.sub(now, 1, #ARGV[1] + 1) ~= ARGV[1] .. ' ' then return 0 end
redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. ARGV[2], 'PX', ARGV[3])
return 1";

/// ARGV: the boot, the time to live in ms, the value that is there now. Takes the name of one that is
/// gone; 0: it is not gone.
pub(super) const TAKE_OVER: &str = "\
if redis.call('GET', KEYS[1]) ~= ARGV[3] then return 0 end
redis.call('SET', KEYS[1], ARGV[1] .. ' 0', 'PX', ARGV[2])
return 1";

/// ARGV: the boot. Gives the name up, if it is its own.
pub(super) const RELEASE: &str = "\
local now = redis.call('GET', KEYS[1])
if now and string.sub(now, 1, #ARGV[1] + 1) == ARGV[1] .. ' ' then redis.call('DEL', KEYS[1]) end
return 1";

/// What is there, taken away.
pub(super) const FETCH: &str = "\
local found = redis.call('GET', KEYS[1])
if found then redis.call('DEL', KEYS[1]) end
return found";
