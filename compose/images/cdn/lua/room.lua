-- Is there room for one more object? nginx's cache manager looks every ten seconds only, and an answer that does
-- not fit the tmpfs is cut off in the middle. Without room the answer passes through unstored.
local ffi = require("ffi")

ffi.cdef([[
  struct cdn_statvfs { unsigned long bsize, frsize; uint64_t blocks, bfree, bavail; char rest[128]; };
  int statvfs(const char *path, struct cdn_statvfs *out);
]])

local M = {}

local CACHE = "/var/cache/nginx"
local RESERVE = 24 * 1024 * 1024  -- for answers being written, and for those of unknown length
local COPIES = 3                  -- one regional, two edges

local figures = ffi.new("struct cdn_statvfs")

function M.is_there_for(length)
  if ffi.C.statvfs(CACHE, figures) ~= 0 then return true end
  return tonumber(figures.bavail * figures.frsize) > RESERVE + COPIES * (length or 0)
end

return M
