-- How the libraries that are C code on a real server complain of their arguments.
local error, format, getinfo = error, string.format, debug.getinfo

-- The first frame that is not ours, and how it calls the function of ours.
local function caller()
  local level = 3
  while true do
    local at = getinfo(level, "Sl")
    if at == nil or at.source ~= "=server" then
      return at, getinfo(level - 1, "n").name or "?"
    end
    level = level + 1
  end
end

-- Raises as a C function does: with the place of the script's call.
local function fail(message)
  local at = caller()
  error(at and at.currentline > 0 and format("%s:%d: %s", at.short_src, at.currentline, message) or message, 0)
end

local function bad(number, message)
  local _, name = caller()
  fail(format("bad argument #%d to '%s' (%s)", number, name, message))
end

return fail, bad
