-- MessagePack as the cmsgpack library that Valkey carries reads and writes it.
local type, tostring, tonumber, select, error, floor, format, byte, char, sub, concat, unpack =
  type, tostring, tonumber, select, error, math.floor, string.format, string.byte, string.char, string.sub, table.concat, unpack
local next, frexp, ldexp, HUGE = next, math.frexp, math.ldexp, math.huge

local NESTING = 16
-- What fits on the stack of the real interpreter.
local RESULTS = 7950
local DEPTH = 3999
local TOO_MANY = "too many return values at once; use unpack_one or unpack_limit instead."

local errors = ...
local fail, bad = errors.fail, errors.bad

return function(host, settings)
  local out, length

  local function add(text)
    length = length + 1
    out[length] = text
  end

  local function big_endian(first, number, size)
    if size == 1 then
      return char(first, number)
    elseif size == 2 then
      return char(first, floor(number / 256), number % 256)
    end
    return char(first, floor(number / 16777216), floor(number / 65536) % 256, floor(number / 256) % 256, number % 256)
  end

  local function sized(total, fix, fix_most, small, two, four)
    if total <= fix_most then
      return add(char(fix + total))
    elseif small and total <= 0xFF then
      return add(big_endian(small, total, 1))
    elseif total <= 0xFFFF then
      return add(big_endian(two, total, 2))
    end
    add(big_endian(four, total, 4))
  end

  -- Of doubles that are neither very small nor endless: a single where nothing is lost by it.
  local function add_double(number)
    local sign, size = 0, number
    if number < 0 then
      sign, size = 128, -number
    end
    if not (size > 1e-37 and size < HUGE) then
      return add(host.pack_double(number))
    end
    local mantissa, power = frexp(size)
    local digits = mantissa * 16777216
    if digits % 1 == 0 and power <= 128 then
      digits, power = digits - 8388608, power + 126
      return add(char(202, sign + floor(power / 2), power % 2 * 128 + floor(digits / 65536), floor(digits / 256) % 256,
        digits % 256))
    end
    digits, power = mantissa * 9007199254740992 - 4503599627370496, power + 1022
    local high, low = floor(digits / 4294967296), digits % 4294967296
    add(char(203, sign + floor(power / 16), power % 16 * 16 + floor(high / 65536), floor(high / 256) % 256, high % 256,
      floor(low / 16777216), floor(low / 65536) % 256, floor(low / 256) % 256, low % 256))
  end

  local function add_number(number)
    if number % 1 ~= 0 or number >= 9223372036854775808 or number < -9223372036854775808 then
      return add_double(number)
    end
    if number >= 0 then
      if number <= 127 then
        add(char(number))
      elseif number <= 0xFF then
        add(big_endian(0xCC, number, 1))
      elseif number <= 0xFFFF then
        add(big_endian(0xCD, number, 2))
      elseif number <= 0xFFFFFFFF then
        add(big_endian(0xCE, number, 4))
      else
        add("\207" .. host.pack_integer(number))
      end
    elseif number >= -32 then
      add(char(256 + number))
    elseif number >= -128 then
      add(big_endian(0xD0, number + 256, 1))
    elseif number >= -32768 then
      add(big_endian(0xD1, number + 65536, 2))
    elseif number >= -2147483648 then
      add(big_endian(0xD2, number + 4294967296, 4))
    else
      add("\211" .. host.pack_integer(number))
    end
  end

  local function is_array(t)
    local most, total = 0, 0
    for key in next, t do
      if type(key) ~= "number" or key <= 0 or floor(key) ~= key then
        return false
      end
      if key > most then
        most = key
      end
      total = total + 1
    end
    return most == total
  end

  local add_value

  local function add_table(t, level)
    if is_array(t) then
      local total = #t
      sized(total, 0x90, 15, nil, 0xDC, 0xDD)
      for at = 1, total do
        add_value(t[at], level + 1)
      end
      return
    end
    local total = 0
    for _ in next, t do
      total = total + 1
    end
    sized(total, 0x80, 15, nil, 0xDE, 0xDF)
    for key, value in next, t do
      add_value(key, level + 1)
      add_value(value, level + 1)
    end
  end

  function add_value(value, level)
    local kind = type(value)
    if kind == "string" then
      sized(#value, 0xA0, 31, 0xD9, 0xDA, 0xDB)
      add(value)
    elseif kind == "number" then
      add_number(value)
    elseif kind == "boolean" then
      add(value and "\195" or "\194")
    elseif kind == "table" and level < NESTING then
      add_table(value, level)
    else
      add("\192")
    end
  end

  -- == Unpacking ==

  local text, at, depth

  local function take(size)
    local first = at
    at = at + size
    if at > #text + 1 then
      fail("Missing bytes in input.")
    end
    return first
  end

  local function unsigned(size)
    local first = take(size)
    local a, b, c, d = byte(text, first, at - 1)
    if size == 1 then
      return a
    elseif size == 2 then
      return a * 256 + b
    end
    return a * 16777216 + b * 65536 + c * 256 + d
  end

  local function signed(size)
    local number = unsigned(size)
    local half = 256 ^ size / 2
    return number >= half and number - 2 * half or number
  end

  local function wide(kind, size)
    local first = take(size)
    return host.unpack_number(kind, sub(text, first, at - 1))
  end

  local function single()
    local first = take(4)
    local a, b, c, d = byte(text, first, at - 1)
    local power = a % 128 * 2 + floor(b / 128)
    if power == 0 or power == 255 then
      return host.unpack_number("f", sub(text, first, at - 1))
    end
    local number = ldexp(8388608 + b % 128 * 65536 + c * 256 + d, power - 150)
    return a >= 128 and -number or number
  end

  local function double()
    local first = take(8)
    local a, b, c, d, e, f, g, h = byte(text, first, at - 1)
    local power = a % 128 * 16 + floor(b / 16)
    if power == 0 or power == 2047 then
      return host.unpack_number("d", sub(text, first, at - 1))
    end
    local digits = (1048576 + b % 16 * 65536 + c * 256 + d) * 4294967296 + e * 16777216 + f * 65536 + g * 256 + h
    return ldexp(a >= 128 and -digits or digits, power - 1075)
  end

  local function raw(size)
    local first = take(size)
    return sub(text, first, at - 1)
  end

  local value

  local function descend(kind)
    depth = depth + 1
    if depth > DEPTH then
      fail("stack overflow (" .. kind .. ")")
    end
  end

  local function array(total)
    local t = {}
    descend("in function mp_decode_to_lua_array")
    for index = 1, total do
      t[index] = value()
    end
    depth = depth - 1
    return t
  end

  local function map(total)
    local t = {}
    descend(TOO_MANY)
    for _ = 1, total do
      local key = value()
      local item = value()
      if key == nil then
        error("table index is nil", 0)
      elseif key ~= key then
        error("table index is NaN", 0)
      end
      t[key] = item
    end
    depth = depth - 1
    return t
  end

  local forms = {
    [0xC0] = function() return nil end,
    [0xC2] = function() return false end,
    [0xC3] = function() return true end,
    [0xCA] = function() return single() end,
    [0xCB] = function() return double() end,
    [0xCC] = function() return unsigned(1) end,
    [0xCD] = function() return unsigned(2) end,
    [0xCE] = function() return unsigned(4) end,
    [0xCF] = function() return wide("q", 8) end,
    [0xD0] = function() return signed(1) end,
    [0xD1] = function() return signed(2) end,
    [0xD2] = function() return signed(4) end,
    [0xD3] = function() return wide("q", 8) end,
    [0xD9] = function() return raw(unsigned(1)) end,
    [0xDA] = function() return raw(unsigned(2)) end,
    [0xDB] = function() return raw(unsigned(4)) end,
    [0xDC] = function() return array(unsigned(2)) end,
    [0xDD] = function() return array(unsigned(4)) end,
    [0xDE] = function() return map(unsigned(2)) end,
    [0xDF] = function() return map(unsigned(4)) end,
  }

  function value()
    local first = byte(text, take(1))
    if first <= 0x7F then
      return first
    elseif first >= 0xE0 then
      return first - 256
    elseif first <= 0x8F then
      return map(first - 0x80)
    elseif first <= 0x9F then
      return array(first - 0x90)
    elseif first <= 0xBF then
      return raw(first - 0xA0)
    end
    local form = forms[first]
    if form == nil then
      fail("Bad data format in input.")
    end
    return form()
  end

  -- The first of the arguments.
  local function string_argument(...)
    local given = ...
    if type(given) ~= "string" and type(given) ~= "number" then
      bad(1, "string expected, got " .. (select("#", ...) == 0 and "no value" or type(given)))
    end
    return tostring(given)
  end

  local function integer_argument(position, default, ...)
    local given = select(position, ...)
    if given == nil and default then
      return default
    end
    local number = (type(given) == "number" or type(given) == "string") and tonumber(given)
    if not number then
      bad(position, "number expected, got " .. (select("#", ...) < position and "no value" or type(given)))
    end
    if not (number >= -9223372036854775808 and number < 9223372036854775808) then
      return -9223372036854775808 -- as C casts it
    end
    return number < 0 and -floor(-number) or floor(number)
  end

  -- As C's %d prints it.
  local function int(number)
    number = number % 4294967296
    return number >= 2147483648 and number - 4294967296 or number
  end

  local function unpacked(limit, offset)
    if offset < 0 or limit < 0 then
      fail(format("Invalid request to unpack with offset of %d and limit of %d.", int(offset), #text))
    elseif offset > #text then
      fail(format("Start offset %d greater than input length %d.", int(offset), #text))
    end
    local everything = limit == 0 and offset == 0
    local values, total = {}, 0
    at, depth = offset + 1, 0
    while at <= #text and (everything or total < limit) do
      total = total + 1
      values[total] = value()
      if total > RESULTS then
        fail("stack overflow (" .. TOO_MANY .. ")")
      end
    end
    if everything then
      return unpack(values, 1, total)
    end
    return at > #text and -1 or at - 1, unpack(values, 1, total)
  end

  local cmsgpack = {
    _NAME = "cmsgpack", _VERSION = "lua-cmsgpack 0.4.0", _COPYRIGHT = "Copyright (C) 2012, " .. settings.msgpack_holder,
    _DESCRIPTION = "MessagePack C implementation for Lua",
  }

  function cmsgpack.pack(...)
    local total = select("#", ...)
    if total == 0 then
      bad(0, "MessagePack pack needs input.")
    end
    out, length = {}, 0
    for place = 1, total do
      add_value((select(place, ...)), 0)
    end
    local made = concat(out, "", 1, length)
    out = nil
    return made
  end

  function cmsgpack.unpack(...)
    text = string_argument(...)
    return unpacked(0, 0)
  end

  function cmsgpack.unpack_one(...)
    local offset = integer_argument(2, 0, ...)
    text = string_argument(...)
    return unpacked(1, offset)
  end

  function cmsgpack.unpack_limit(...)
    local limit, offset = integer_argument(2, nil, ...), integer_argument(3, 0, ...)
    text = string_argument(...)
    return unpacked(limit, offset)
  end

  return cmsgpack
end
