-- JSON as the cjson library that Valkey carries reads and writes it, with its options, limits and error texts.
local type, tostring, tonumber, select, floor, format, gsub, find, sub, byte, char, concat, rawget =
  type, tostring, tonumber, select, math.floor, string.format, string.gsub, string.find, string.sub, string.byte,
  string.char, table.concat, rawget
local newproxy, getmetatable = newproxy, getmetatable
local HUGE = math.huge

local null = newproxy(true)
getmetatable(null).__tostring = function() return "userdata: (nil)" end
getmetatable(null).__metatable = false

local errors = ...
local fail, bad = errors.fail, errors.bad

local function typename(value)
  return value == nil and "no value" or type(value)
end

local escapes = {}
for code = 0, 31 do
  escapes[char(code)] = format("\\u%04x", code)
end
for plain, escaped in ("b\8t\9n\10f\12r\13"):gmatch("(%a)(%c)") do
  escapes[escaped] = "\\" .. plain
end
escapes['"'], escapes["\\"], escapes["/"], escapes["\127"] = '\\"', "\\\\", "\\/", "\\u007f"

local unescapes = {['"'] = '"', ["\\"] = "\\", ["/"] = "/", b = "\8", t = "\9", n = "\10", f = "\12", r = "\13"}

local TOKENS = {
  [byte("{")] = "T_OBJ_BEGIN", [byte("}")] = "T_OBJ_END", [byte("[")] = "T_ARR_BEGIN", [byte("]")] = "T_ARR_END",
  [byte(",")] = "T_COMMA", [byte(":")] = "T_COLON", [0] = "T_END",
}
local BLANKS = {[9] = true, [10] = true, [13] = true, [32] = true}
local GOES_ON = {[byte(".")] = true, [byte("e")] = true, [byte("E")] = true, [byte("x")] = true, [byte("X")] = true}

local ENDS = {[byte(",")] = true, [byte("]")] = true}

local function utf8(code)
  if code <= 0x7F then
    return char(code)
  elseif code <= 0x7FF then
    return char(0xC0 + floor(code / 64), 0x80 + code % 64)
  elseif code <= 0xFFFF then
    return char(0xE0 + floor(code / 4096), 0x80 + floor(code / 64) % 64, 0x80 + code % 64)
  end
  return char(0xF0 + floor(code / 262144), 0x80 + floor(code / 4096) % 64, 0x80 + floor(code / 64) % 64, 0x80 + code % 64)
end

return function(host, next)
  local function instance()
    local config = {
      convert = false, ratio = 2, safe = 10, encode_depth = 1000, decode_depth = 1000, precision = 14,
      encode_invalid = false, decode_invalid = true, keep = true,
    }
    local number_format = "%.14g"
    local out, length

    local function add(text)
      length = length + 1
      out[length] = text
    end

    -- == Encoding ==

    local function unserialisable(value, reason)
      fail(format("Cannot serialise %s: %s", type(value), reason))
    end

    local function array_length(t)
      local most, items = 0, 0
      for key in next, t do
        if type(key) ~= "number" or key < 1 or floor(key) ~= key then
          return -1
        end
        if key > most then
          most = key < 2147483648 and key or -2147483648 -- a C int
        end
        items = items + 1
      end
      if config.ratio > 0 and most > items * config.ratio and most > config.safe then
        if not config.convert then
          unserialisable(t, "excessively sparse array")
        end
        return -1
      end
      return most
    end

    local function add_string(text)
      add('"')
      add((gsub(text, '[%c"\\/\127]', escapes)))
      add('"')
    end

    local function add_number(number)
      if number ~= number or number == HUGE or number == -HUGE then
        if config.encode_invalid == "null" then
          return add("null")
        end
        if not config.encode_invalid then
          unserialisable(number, "must not be NaN or Inf")
        end
        if number ~= number then
          return add(host.is_negative(number) and "-nan" or "nan")
        end
      end
      add(format(number_format, number))
    end

    local add_value

    local function add_table(t, depth)
      local total = array_length(t)
      depth = depth + 1
      if depth > config.encode_depth then
        fail(format("Cannot serialise, excessive nesting (%d)", depth))
      end
      if total > 0 then
        add("[")
        for at = 1, total do
          if at > 1 then
            add(",")
          end
          add_value(rawget(t, at), depth)
        end
        return add("]")
      end
      add("{")
      local more = false
      for key, value in next, t do
        if more then
          add(",")
        end
        more = true
        if type(key) == "number" then
          add('"')
          add_number(key)
          add('":')
        elseif type(key) == "string" then
          add_string(key)
          add(":")
        else
          unserialisable(key, "table key must be a number or string")
        end
        add_value(value, depth)
      end
      add("}")
    end

    function add_value(value, depth)
      local kind = type(value)
      if kind == "string" then
        add_string(value)
      elseif kind == "number" then
        add_number(value)
      elseif kind == "boolean" then
        add(value and "true" or "false")
      elseif kind == "table" then
        add_table(value, depth)
      elseif value == nil or value == null then
        add("null")
      else
        unserialisable(value, "type not supported")
      end
    end

    -- == Decoding ==

    local text, at, depth

    local function number_end(start)
      local _, last = find(text, "^[+-]?%d+", start)
      if last then
        local _, hexadecimal = find(text, "^[+-]?0[xX]%x+%.?%x*", start)
        if not hexadecimal then
          _, hexadecimal = find(text, "^[+-]?0[xX]%.%x+", start)
        end
        if hexadecimal then
          local _, power = find(text, "^[pP][+-]?%d+", hexadecimal + 1)
          return power or hexadecimal
        end
        local _, fraction = find(text, "^%.%d*", last + 1)
        local _, power = find(text, "^[eE][+-]?%d+", (fraction or last) + 1)
        return power or fraction or last
      end
      _, last = find(text, "^[+-]?%.%d+", start)
      if last then
        local _, power = find(text, "^[eE][+-]?%d+", last + 1)
        return power or last
      end
    end

    local function special_number(start)
      local _, last = find(text, "^[+-]?[iI][nN][fF][iI][nN][iI][tT][yY]", start)
      if not last then
        _, last = find(text, "^[+-]?[iI][nN][fF]", start)
      end
      if not last then
        _, last = find(text, "^[+-]?[nN][aA][nN]", start)
      end
      if last then
        return host.strtod(sub(text, start, last)), last
      end
    end

    local function next_number(start)
      -- Nearly all numbers are plain: digits, and a point with digits. What else may belong to one is looked for where these end.
      local _, plain = find(text, "^-?%d+%.?%d*", start)
      if plain and not GOES_ON[byte(text, plain + 1)] then
        at = plain + 1
        return "T_NUMBER", tonumber(sub(text, start, plain)), start
      end
      local last = number_end(start)
      if last then
        at = last + 1
        return "T_NUMBER", host.strtod(sub(text, start, last)), start
      end
      local number
      number, last = special_number(start)
      if last then
        at = last + 1
        return "T_NUMBER", number, start
      end
      return "T_ERROR", "invalid number", start
    end

    local function is_invalid_number(start)
      return byte(text, start) == 43 or find(text, "^-?0[xX%d]", start) or find(text, "^-?[iI][nN][fF]", start)
        or find(text, "^-?[nN][aA][nN]", start)
    end

    local function unicode(place)
      local _, last, digits = find(text, "^\\u(%x%x%x%x)", place)
      if not last then
        return
      end
      local code = tonumber(digits, 16)
      if code >= 0xD800 and code <= 0xDFFF then
        local _, low_last, low = find(text, "^\\u(%x%x%x%x)", last + 1)
        low = low and tonumber(low, 16)
        if code >= 0xDC00 or not low or low < 0xDC00 or low > 0xDFFF then
          return
        end
        return utf8((code - 0xD800) * 1024 + low - 0xDC00 + 0x10000), low_last + 1
      end
      return utf8(code), last + 1
    end

    local function next_string(start)
      local place = start + 1
      local last = find(text, '["\\%z]', place)
      if last and byte(text, last) == 34 then
        at = last + 1
        return "T_STRING", sub(text, place, last - 1), start
      end
      local pieces, count
      while true do
        local stop = find(text, '["\\%z]', place)
        if not stop or byte(text, stop) == 0 then
          return "T_ERROR", "unexpected end of string", stop or #text + 1
        end
        local piece = sub(text, place, stop - 1)
        if byte(text, stop) == 34 then
          at = stop + 1
          if not pieces then
            return "T_STRING", piece, start
          end
          pieces[count + 1] = piece
          return "T_STRING", concat(pieces), start
        end
        pieces = pieces or {}
        count = (count or 0) + 1
        pieces[count] = piece
        local escape = sub(text, stop + 1, stop + 1)
        local plain
        if escape == "u" then
          plain, place = unicode(stop)
          if not plain then
            return "T_ERROR", "invalid unicode escape code", stop
          end
        else
          plain, place = unescapes[escape], stop + 2
          if not plain then
            return "T_ERROR", "invalid escape code", stop
          end
        end
        count = count + 1
        pieces[count] = plain
      end
    end

    -- The next token: its name, its value, where it stands.
    local function token()
      local start = at
      local code = byte(text, start)
      if BLANKS[code] then
        start = find(text, "[^ \t\r\n]", start) or #text + 1
        code, at = byte(text, start), start
      end
      local known = TOKENS[code or 0]
      if known then
        if known ~= "T_END" then
          at = start + 1
        end
        return known, nil, start
      end
      if code == 34 then
        return next_string(start)
      elseif code == 45 or (code >= 48 and code <= 57) then
        if not config.decode_invalid and is_invalid_number(start) then
          return "T_ERROR", "invalid number", start
        end
        return next_number(start)
      elseif sub(text, start, start + 3) == "true" then
        at = start + 4
        return "T_BOOLEAN", true, start
      elseif sub(text, start, start + 4) == "false" then
        at = start + 5
        return "T_BOOLEAN", false, start
      elseif sub(text, start, start + 3) == "null" then
        at = start + 4
        return "T_NULL", null, start
      elseif config.decode_invalid and find(text, "^[iInN+]", start) and is_invalid_number(start) then
        return next_number(start)
      end
      return "T_ERROR", "invalid token", start
    end

    local function unexpected(wanted, kind, value, place)
      fail(format("Expected %s but found %s at character %d", wanted, kind == "T_ERROR" and value or kind, place))
    end

    local value_of

    local function descend()
      depth = depth + 1
      if depth > config.decode_depth then
        fail(format("Found too many nested data structures (%d) at character %d", depth, at - 1))
      end
    end

    local function object()
      local t = {}
      descend()
      local kind, value, place = token()
      if kind == "T_OBJ_END" then
        depth = depth - 1
        return t
      end
      while true do
        if kind ~= "T_STRING" then
          unexpected("object key string", kind, value, place)
        end
        local key = value
        kind, value, place = token()
        if kind ~= "T_COLON" then
          unexpected("colon", kind, value, place)
        end
        t[key] = value_of(token())
        kind, value, place = token()
        if kind == "T_OBJ_END" then
          depth = depth - 1
          return t
        end
        if kind ~= "T_COMMA" then
          unexpected("comma or object end", kind, value, place)
        end
        kind, value, place = token()
      end
    end

    local function array()
      local t = {}
      descend()
      local kind, value, place = token()
      if kind == "T_ARR_END" then
        depth = depth - 1
        return t
      end
      local index = 1
      while true do
        t[index] = value_of(kind, value, place)
        -- Plain numbers that follow need no tokens. An element may be a great many of them.
        while config.decode_invalid do
          local _, last, number = find(text, "^,[ \t\r\n]*(-?%d+%.?%d*)", at)
          if not last or not ENDS[byte(text, last + 1)] then
            break
          end
          index, at = index + 1, last + 1
          t[index] = tonumber(number)
        end
        kind, value, place = token()
        if kind == "T_ARR_END" then
          depth = depth - 1
          return t
        end
        if kind ~= "T_COMMA" then
          unexpected("comma or array end", kind, value, place)
        end
        index = index + 1
        kind, value, place = token()
      end
    end

    function value_of(kind, value, place)
      if kind == "T_STRING" or kind == "T_NUMBER" or kind == "T_BOOLEAN" or kind == "T_NULL" then
        return value
      elseif kind == "T_OBJ_BEGIN" then
        return object()
      elseif kind == "T_ARR_BEGIN" then
        return array()
      end
      unexpected("value", kind, value, place)
    end

    -- == The library ==

    local cjson = {_NAME = "cjson", _VERSION = "2.1.0", null = null}

    function cjson.encode(...)
      if select("#", ...) ~= 1 then
        bad(1, "expected 1 argument")
      end
      out, length = {}, 0
      add_value((...), 0)
      local made = concat(out, "", 1, length)
      out = nil
      return made
    end

    function cjson.decode(...)
      if select("#", ...) ~= 1 then
        bad(1, "expected 1 argument")
      end
      local given = ...
      if type(given) ~= "string" and type(given) ~= "number" then
        bad(1, "string expected, got " .. (given == nil and "nil" or type(given)))
      end
      text, at, depth = tostring(given), 1, 0
      if #text >= 2 and (byte(text, 1) == 0 or byte(text, 2) == 0) then
        fail("JSON parser does not support UTF-16 or UTF-32")
      end
      local found = value_of(token())
      local kind, value, place = token()
      if kind ~= "T_END" then
        unexpected("the end", kind, value, place)
      end
      text = nil
      return found
    end

    local function few(most, ...)
      if select("#", ...) > most then
        bad(most + 1, "found too many arguments")
      end
    end

    local function integer(position, value, least, most)
      local number = tonumber(value)
      if (type(value) ~= "number" and type(value) ~= "string") or number == nil then
        bad(position, "number expected, got " .. typename(value))
      end
      number = number < 0 and -floor(-number) or floor(number)
      number = number > -2^63 and number < 2^63 and number % 2^32 or 0 -- C keeps it in an int
      number = number < 2^31 and number or number - 2^32
      if not (number >= least and number <= most) then
        bad(1, format("expected integer between %d and %d", least, most))
      end
      return number
    end

    local function option(name, field, least, most, changed)
      cjson[name] = function(...)
        few(1, ...)
        if (...) ~= nil then
          config[field] = integer(1, (...), least, most)
          if changed then
            changed()
          end
        end
        return config[field]
      end
    end

    local function choice(value, names)
      if type(value) == "boolean" then
        return value
      elseif type(value) ~= "string" and type(value) ~= "number" then
        bad(1, "string expected, got " .. type(value))
      elseif names[value] == nil then
        bad(1, format("invalid option '%s'", value))
      end
      return names[value]
    end

    local function switch(name, field, names)
      cjson[name] = function(...)
        few(1, ...)
        if (...) ~= nil then
          config[field] = choice((...), names)
        end
        return config[field]
      end
    end

    option("encode_max_depth", "encode_depth", 1, 2147483647)
    option("decode_max_depth", "decode_depth", 1, 2147483647)
    option("encode_number_precision", "precision", 1, 14, function()
      number_format = "%." .. config.precision .. "g"
    end)
    local OFF_ON = {off = false, on = true}
    switch("encode_keep_buffer", "keep", OFF_ON)
    switch("encode_invalid_numbers", "encode_invalid", {off = false, on = true, null = "null"})
    switch("decode_invalid_numbers", "decode_invalid", OFF_ON)

    function cjson.encode_sparse_array(...)
      few(3, ...)
      local convert, ratio, safe = ...
      if convert ~= nil then
        config.convert = choice(convert, OFF_ON)
      end
      if ratio ~= nil then
        config.ratio = integer(2, ratio, 0, 2147483647)
      end
      if safe ~= nil then
        config.safe = integer(3, safe, 0, 2147483647)
      end
      return config.convert, config.ratio, config.safe
    end

    function cjson.new()
      return (instance())
    end

    local first = {}
    for name, value in next, config do
      first[name] = value
    end

    -- The module, and what makes its settings those of a new one.
    return cjson, function()
      for name, value in next, first do
        config[name] = value
      end
      number_format = "%.14g"
    end
  end

  return instance
end
