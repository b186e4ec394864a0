-- What must be known about an object beside its file: nginx keeps the first headers on a 304, and it cannot
-- be asked whether a URL was cacheable the last time. Entries may be evicted; each loss costs only precision.
local M = {}

local notes = ngx.shared.freshness
local KEEP = 86400
local PASS_FOR = 5

local function name(kind, key) return kind .. ngx.md5_bin(key) end

-- The origin confirmed the object just now (304); ttl is nil when it gave no new one.
function M.confirm(key, ttl)
  notes:set(name("r", key), ngx.now() .. " " .. (ttl or ""), KEEP)
end

-- When the origin last vouched for an object and for how long, given what is stored with it.
function M.of(key, stored, ttl)
  local confirmed = notes:get(name("r", key))
  if not confirmed then return stored, ttl end
  local at, new_ttl = confirmed:match("^(%S+) (%S*)$")
  at = tonumber(at)
  if at <= stored then return stored, ttl end
  return at, tonumber(new_ttl) or ttl
end

-- Uncacheable a moment ago: go straight to the origin instead of queueing behind the cache lock.
function M.set_pass(key, wanted)
  local entry = name("p", key)
  if wanted then
    notes:set(entry, true, PASS_FOR)
  elseif notes:get(entry) then
    notes:delete(entry)
  end
end

function M.pass_flag(key)
  return key and notes:get(name("p", key)) and "1" or ""
end

-- May the stored copy be served after its time, should the origin fail?
function M.set_stale_allowed(key, ttl, allowed)
  if allowed then
    notes:set(name("s", key), true, ttl + KEEP)
  else
    notes:delete(name("s", key))
  end
end

function M.is_stale_allowed(key) return notes:get(name("s", key)) == true end

return M
