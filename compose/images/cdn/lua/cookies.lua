-- Which cookies reach the origin and the cache key.
-- A chain of regex maps leaks the rest after a dozen unwanted cookies; a loop does not.
local M = {}

local KEPT = { "^wordpress_", "^wp%-", "^wp_", "^comment_", "^hm_", "^altis_" }

local function is_kept(cookie)
  for i = 1, #KEPT do
    if cookie:find(KEPT[i]) then return true end
  end
  return false
end

-- The kept part of a Cookie header, in the viewer's order; "" when nothing is left.
function M.kept(header)
  if not header then return "" end
  local out = {}
  for cookie in header:gmatch("[^;]+") do
    local trimmed = cookie:match("^%s*(.-)%s*$")
    if is_kept(trimmed) then out[#out + 1] = trimmed end
  end
  return table.concat(out, "; ")
end

return M
