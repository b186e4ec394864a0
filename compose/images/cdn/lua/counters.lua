-- Requests by point of presence and cache status, for /stats.
local M = {}

local counters = ngx.shared.counters

function M.count()
  local var = ngx.var
  counters:incr(var.pop .. " " .. var.cache_word, 1, 0)
end

-- { ["DUB56-P1"] = { Hit = 3, Miss = 1 } }
function M.by_pop()
  local out = {}
  for _, name in ipairs(counters:get_keys(0)) do
    local pop, word = name:match("^(%S+) (%S+)$")
    out[pop] = out[pop] or {}
    out[pop][word == "-" and "none" or word] = counters:get(name)
  end
  return out
end

return M
