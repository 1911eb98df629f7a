
-- What follows is the same for every memory map. It runs on Lua 5.2 (Wireshark up to 4.2) and on 5.4 (since 4.4), so
-- it uses neither bit operators nor `//`.

local KINDS = { R = "read", W = "write", Z = "stream" }
local HEADER = 9 -- characters of kind and preamble
local ANSWER_TIMEOUT = 10 -- seconds; what comes later after its request is taken for a report

local lamarzocco = Proto("lamarzocco", "La Marzocco espresso machine")

local field = {
    kind = ProtoField.string("lamarzocco.kind", "kind"),
    sender = ProtoField.string("lamarzocco.sender", "sender"),
    role = ProtoField.string("lamarzocco.role", "role"),
    elapsed = ProtoField.double("lamarzocco.elapsed", "seconds since the request"),
    address = ProtoField.uint16("lamarzocco.address", "address", base.HEX),
    length = ProtoField.uint16("lamarzocco.length", "length"),
    window = ProtoField.string("lamarzocco.window", "window"),
    data = ProtoField.string("lamarzocco.data", "data"),
    status = ProtoField.string("lamarzocco.status", "status"),
    ok = ProtoField.bool("lamarzocco.ok", "ok"),
    check = ProtoField.string("lamarzocco.check", "check byte"),
    check_ok = ProtoField.bool("lamarzocco.check_ok", "check byte is right"),
}
local units = {}
do
    local all = {}
    for _, one in pairs(field) do
        all[#all + 1] = one
    end
    for _, row in ipairs(FIELDS) do
        field[row.name] = ProtoField[row.type]("lamarzocco." .. row.name, row.name)
        units[row.name] = row.unit
        all[#all + 1] = field[row.name]
    end
    lamarzocco.fields = all
end

local expert_info = {
    check = ProtoExpert.new("lamarzocco.expert.check", "wrong check byte", expert.group.CHECKSUM, expert.severity.ERROR),
    length = ProtoExpert.new(
        "lamarzocco.expert.length",
        "the length is not that of the data",
        expert.group.MALFORMED,
        expert.severity.ERROR
    ),
    malformed = ProtoExpert.new(
        "lamarzocco.expert.malformed",
        "not a whole message",
        expert.group.MALFORMED,
        expert.severity.ERROR
    ),
    value = ProtoExpert.new(
        "lamarzocco.expert.value",
        "no value of this register",
        expert.group.UNDECODED,
        expert.severity.WARN
    ),
    refused = ProtoExpert.new(
        "lamarzocco.expert.refused",
        "the machine refused a write",
        expert.group.RESPONSE_CODE,
        expert.severity.WARN
    ),
}
do
    local all = {}
    for _, one in pairs(expert_info) do
        all[#all + 1] = one
    end
    lamarzocco.experts = all
end

local function characters(bytes, first, size)
    -- The bytes up to the first NUL as numbers.
    local found = {}
    for offset = first, first + size - 1 do
        if bytes[offset] == 0 then
            break
        end
        found[#found + 1] = bytes[offset]
    end
    return found
end

local function utf8_of_latin1(code)
    if code < 0x80 then
        return string.char(code)
    end
    return string.char(0xC0 + math.floor(code / 64), 0x80 + code % 64)
end

local function days_in(month, year)
    if month == 2 then
        return year % 4 == 0 and 29 or 28 -- right for 2000 to 2099
    end
    return (month == 4 or month == 6 or month == 9 or month == 11) and 30 or 31
end

-- How each kind of value is read: from the bytes and the offset of its first one, with its row of the map. Each returns
-- the value; or nothing and what is wrong with the bytes.
local DECODE = {}

function DECODE.unsigned(bytes, first, row)
    local number = 0
    for index = 0, row.size - 1 do
        number = number * 256 + bytes[row.little and first + row.size - 1 - index or first + index]
    end
    return number
end

function DECODE.scaled(bytes, first, row)
    return DECODE.unsigned(bytes, first, row) / row.divisor
end

function DECODE.flag(bytes, first)
    if bytes[first] > 1 then
        return nil, bytes[first] .. " is neither 0 nor 1"
    end
    return bytes[first] == 1
end

function DECODE.low_bit(bytes, first)
    return bytes[first] % 2 == 1
end

function DECODE.enumeration(bytes, first, row)
    local word = row.words[bytes[first]]
    if word == nil then
        return nil, string.format("0x%02X stands for nothing known", bytes[first])
    end
    return word
end

function DECODE.bit_set(bytes, first, row)
    local names = {}
    for bit = 0, 7 do
        if math.floor(bytes[first] / 2 ^ bit) % 2 == 1 then
            names[#names + 1] = row.bits[bit + 1]
        end
    end
    return #names > 0 and table.concat(names, ", ") or "none"
end

function DECODE.text(bytes, first, row)
    local start = first
    local size = row.size
    local prefix = row.prefix
    local has_prefix = true
    for index = 1, #prefix do
        has_prefix = has_prefix and bytes[first + index - 1] == prefix:byte(index)
    end
    if has_prefix then
        start = start + #prefix
        size = size - #prefix
    end
    local content = characters(bytes, start, size)
    for index, code in ipairs(content) do
        if code < 0x20 or code > 0x7E then
            return nil, string.format("0x%02X is not ASCII text", code)
        end
        content[index] = string.char(code)
    end
    return table.concat(content)
end

function DECODE.front_panel(bytes, first, row)
    local content = characters(bytes, first, row.size)
    for index, code in ipairs(content) do
        content[index] = GLYPHS[code] or utf8_of_latin1(code)
    end
    return table.concat(content)
end

function DECODE.version(bytes, first)
    return string.format("%d.%02d", math.floor(bytes[first] / 100), bytes[first] % 100)
end

function DECODE.clock(bytes, first)
    local second, minute, hour = bytes[first], bytes[first + 1], bytes[first + 2]
    local day, month, year = bytes[first + 4], bytes[first + 5], bytes[first + 6]
    local text = string.format("%04d-%02d-%02dT%02d:%02d:%02d", 2000 + year, month, day, hour, minute, second)
    local date = year <= 99 and month >= 1 and month <= 12 and day >= 1 and day <= days_in(month, year)
    if not date or hour > 23 or minute > 59 or second > 59 then
        return nil, text .. " is not a time"
    end
    return text
end

-- How each derived value is worked out: from its inputs, in their order, and its row of the map.
local DERIVE = {}

function DERIVE.bit(inputs, row)
    return (", " .. inputs[1] .. ", "):find(", " .. row.name .. ", ", 1, true) ~= nil
end

function DERIVE.lookup(inputs, row)
    return row.values[inputs[1]]
end

function DERIVE.time_of_day(inputs)
    local hour, minute = inputs[1], inputs[2]
    local text = string.format("%02d:%02d", hour, minute)
    if hour > 23 or minute > 59 then
        return nil, text .. " is not a time of day"
    end
    return text
end

function DERIVE.total_flushing(inputs)
    return inputs[1] - inputs[2]
end

function DERIVE.days_since_built(inputs)
    return inputs[1] / 24
end

function DERIVE.brew_group_offset(inputs)
    local t_unit, raw, factory_offset = inputs[1], inputs[2], inputs[3]
    if factory_offset == 0 then
        return 0.0
    end
    local in_celsius = t_unit == "F" and raw * 200 / 360 or raw
    -- To tenths. No value lies halfway between two, so it does not matter which way those would go.
    return 2 * (math.floor(in_celsius - 100 + 0.5) / 10)
end

local function value_text(name, value)
    local text = value
    if value == true or value == false then
        text = value and "yes" or "no"
    elseif type(value) == "number" then
        text = string.format("%d", math.floor(value))
        if value ~= math.floor(value) or FLOATS[name] then
            text = string.format("%.1f", value)
            if tonumber(text) ~= value then
                text = string.format("%.4f", value):gsub("0+$", "")
            end
        end
    elseif value == "" then
        text = '""'
    end
    return units[name] and text .. " " .. units[name] or text
end

local function summary(names, values)
    -- The values that say something new, in words: a whole clock, not its seven parts as well.
    local hidden = {}
    for _, name in ipairs(names) do
        for _, part in ipairs(PARTS_OF[name] or {}) do
            hidden[part] = true
        end
    end
    local pieces = {}
    for _, name in ipairs(names) do
        local day, event = name:match("^(.*)_(o[nf]+)_time$")
        local other = day and values[day .. (event == "on" and "_off_time" or "_on_time")]
        if hidden[name] or REPEATED[name] or (other and event == "off") then
            -- another one says it
        elseif other then
            pieces[#pieces + 1] = day .. " " .. values[name] .. "–" .. other
        else
            local text = value_text(name, values[name])
            pieces[#pieces + 1] = name .. " " .. (text:find(", ", 1, true) and "(" .. text .. ")" or text)
        end
    end
    return table.concat(pieces, ", ")
end

local function printable(text)
    -- Of bytes that are no message only some are ASCII, and Wireshark wants UTF-8.
    return (text:gsub("[^ -~]", function(character)
        return string.format("\\x%02X", character:byte())
    end))
end

local function window_name(address, length)
    -- What people call the window; else the first register in it; else its preamble.
    local name = WINDOWS[address * 0x10000 + length]
    local count = 0
    if name == nil and length > 0 then
        for _, row in ipairs(REGISTERS) do
            if row.address < address + length and address < row.address + row.size then
                name = name or row.name
                count = count + 1
            end
        end
        name = count > 1 and name .. "…" or name
    end
    return name or string.format("%04X%04X", address, length)
end

local function bytes_of(payload)
    -- The bytes of a payload from index 0 on, `false` for a masked one; how many; and whether it is hex to its end.
    local bytes, count = {}, 0
    for index = 1, #payload - 1, 2 do
        local digits = payload:sub(index, index + 1)
        if digits == "**" then
            bytes[count] = false
        elseif digits:match("^%x%x$") then
            bytes[count] = tonumber(digits, 16)
        else
            return bytes, count, false
        end
        count = count + 1
    end
    return bytes, count, #payload % 2 == 0
end

local function known(bytes, first, size)
    for offset = first, first + size - 1 do
        if not bytes[offset] then
            return false
        end
    end
    return true
end

-- The rows of the map that are whole in a window, worked out once for each; and those that follow from them.
local plans = {}

local function plan_of(address, count, written)
    local key = string.format("%04X%04X%s", address, count, written and "W" or "")
    if plans[key] == nil then
        local plan, names = { registers = {}, derived = {} }, {}
        for _, row in ipairs(REGISTERS) do
            local whole = row.address >= address and row.address + row.size <= address + count
            if whole and (written or not row.write_only) then
                plan.registers[#plan.registers + 1] = row
                names[row.name] = true
            end
        end
        for _, row in ipairs(DERIVED) do
            local whole = true
            for _, name in ipairs(row.inputs) do
                whole = whole and names[name]
            end
            if whole then
                plan.derived[#plan.derived + 1] = row
            end
        end
        plans[key] = plan
    end
    return plans[key]
end

local function read_window(address, bytes, count, written)
    -- All values that are whole in a window: their names in order, the values, their places, and the problems. Bytes
    -- that are no value of a row that nobody has confirmed say nothing against the machine, so they are no problem.
    local names, values, places, problems = {}, {}, {}, {}
    local function report(row, problem)
        if row.confirmed then
            problems[#problems + 1] = row.name .. ": " .. problem
        end
    end
    local function keep(name, value, first, size)
        names[#names + 1] = name
        values[name] = value
        places[name] = { first = first, size = size }
    end
    local plan = plan_of(address, count, written)
    for _, row in ipairs(plan.registers) do
        local first = row.address - address
        if known(bytes, first, row.size) then
            local value, problem = DECODE[row.decode](bytes, first, row)
            if value == nil then
                report(row, problem)
            elseif values[row.name] == nil then
                keep(row.name, value, first, row.size)
            elseif values[row.name] ~= value then
                local text = value_text(row.name, value)
                report(row, string.format("another copy, at %04X, says %s", row.address, text))
            end
        end
    end
    for _, row in ipairs(plan.derived) do
        local inputs, whole = {}, true -- one that is masked or makes no sense has no value
        for index, name in ipairs(row.inputs) do
            inputs[index] = values[name]
            whole = whole and inputs[index] ~= nil
        end
        if whole then
            local value, problem = DERIVE[row.derive](inputs, row)
            local place = places[row.inputs[1]]
            if value == nil then
                report(row, problem)
            else
                keep(row.name, value, place.first, place.size)
            end
        end
    end
    return names, values, places, problems
end

-- Which requests wait for an answer, by connection and window; and what each packet was found to be, since Wireshark
-- comes back to packets in any order.
local pending, paired = {}, {}

function lamarzocco.init()
    pending, paired = {}, {}
end

local function role_of(pinfo, sender, kind, address, length)
    if paired[pinfo.number] == nil then
        local source = tostring(pinfo.src) .. ":" .. pinfo.src_port
        local destination = tostring(pinfo.dst) .. ":" .. pinfo.dst_port
        local connection = sender == "app" and source .. " " .. destination or destination .. " " .. source
        local window = string.format("%s %s %04X%04X", connection, kind, address, length)
        local waiting = pending[window] or {}
        pending[window] = waiting
        local found = { role = kind == "write" and "response" or "report" }
        if sender == "app" then
            waiting[#waiting + 1] = pinfo.rel_ts
            found.role = "request"
        else
            while waiting[1] and pinfo.rel_ts - waiting[1] > ANSWER_TIMEOUT do
                table.remove(waiting, 1)
            end
            local asked = table.remove(waiting, 1)
            if asked then
                found = { role = "response", elapsed = pinfo.rel_ts - asked }
            end
        end
        paired[pinfo.number] = found
    end
    return paired[pinfo.number].role, paired[pinfo.number].elapsed
end

local function sender_of(pinfo, kind, payload)
    if pinfo.p2p_dir == 0 then
        return "app"
    elseif pinfo.p2p_dir == 1 then
        return "machine"
    end
    -- Not told, so by the message's form.
    if kind == "read" then
        return payload == "" and "app" or "machine"
    end
    return kind == "write" and payload ~= "OK" and "app" or "machine"
end

local function status_of(kind, sender, payload, count, length, is_hex)
    -- What stands in place of data in a write's answer; nothing where there is data.
    local short = #payload == 2 and count ~= length
    local masked = sender == "machine" and payload == "**"
    if kind == "write" and payload ~= "" and (not is_hex or short or masked) then
        if #payload <= 16 and payload:match("^[!-~][ -~]*$") and payload:match("[!-~]$") then
            return payload
        end
    end
    return nil
end

local function add_check(tree, buffer, text)
    local check = printable(text:sub(-2))
    local sum = 0
    for index = 1, #text - 2 do
        sum = sum + text:byte(index)
    end
    local range = buffer(#text - 2, 2)
    local item = tree:add(field.check, range, check)
    if text:find("**", 1, true) then
        item:append_text(" (masked)") -- so it can be neither right nor wrong
        return
    end
    local expected = string.format("%02X", sum % 256)
    tree:add(field.check_ok, range, check == expected):set_generated()
    if check ~= expected then
        item:add_proto_expert_info(expert_info.check, "check byte is " .. check .. ", should be " .. expected)
    end
end

local function add_value(tree, range, name, value)
    local added = value
    if INT64[name] then
        added = Int64.new(value)
    end
    local item = tree:add(field[name], range, added)
    if units[name] then
        item:append_text(" " .. units[name])
    end
    return item
end

local function add_values(tree, buffer, address, bytes, count, written)
    local names, values, places, problems = read_window(address, bytes, count, written)
    for _, name in ipairs(names) do
        local place = places[name]
        local item = add_value(tree, buffer(HEADER + 2 * place.first, 2 * place.size), name, values[name])
        if IS_DERIVED[name] then
            item:set_generated()
        end
    end
    for _, problem in ipairs(problems) do
        tree:add_proto_expert_info(expert_info.value, problem)
    end
    return summary(names, values)
end

local function dissect_undecoded(buffer, pinfo, root)
    local empty = buffer:len() == 0
    local reason = empty and "nothing captured here (the packet's comment says why)" or "not a message"
    pinfo.cols.info = reason
    local tree = empty and root:add(lamarzocco) or root:add(lamarzocco, buffer())
    tree:append_text(", " .. reason)
    tree:add_proto_expert_info(expert_info.malformed, reason)
end

local VERBS = { request = "", response = "answer", report = "report" }

local function verb_of(kind, role, status)
    if role == "response" and kind == "write" then
        return status == "OK" and "took" or "refused"
    elseif role == "request" or kind ~= "read" and role == "report" then
        return kind
    end
    return VERBS[role]
end

function lamarzocco.dissector(buffer, pinfo, root)
    pinfo.cols.protocol = "La Marzocco"
    local text = buffer:len() > 0 and buffer:raw() or ""
    local kind = KINDS[text:sub(1, 1)]
    local preamble = #text >= HEADER + 2 and text:match("^.(%x%x%x%x%x%x%x%x)")
    if not kind or not preamble then
        dissect_undecoded(buffer, pinfo, root)
        return buffer:len()
    end
    local address, length = tonumber(preamble:sub(1, 4), 16), tonumber(preamble:sub(5, 8), 16)
    local payload = text:sub(HEADER + 1, -3)
    local bytes, count, is_hex = bytes_of(payload)
    local sender = sender_of(pinfo, kind, payload)
    local status = status_of(kind, sender, payload, count, length, is_hex)
    local role, elapsed = role_of(pinfo, sender, kind, address, length)
    local name = window_name(address, length)

    local tree = root:add(lamarzocco, buffer())
    tree:add(field.sender, buffer(0, 0), sender):set_generated()
    tree:add(field.role, buffer(0, 0), role):set_generated()
    if elapsed then
        tree:add(field.elapsed, buffer(0, 0), elapsed):set_generated()
    end
    tree:add(field.kind, buffer(0, 1), kind)
    tree:add(field.address, buffer(1, 4), address)
    local length_item = tree:add(field.length, buffer(5, 4), length)
    tree:add(field.window, buffer(1, 8), name):set_generated()

    local told = ""
    if status then
        tree:add(field.status, buffer(HEADER, #payload), status)
    elseif payload ~= "" then
        local item = tree:add(field.data, buffer(HEADER, #payload), printable(payload):lower())
        if not is_hex then
            item:add_proto_expert_info(
                expert_info.malformed,
                "the data is not hexadecimal from digit " .. 2 * count + 1 .. " on"
            )
        elseif count ~= length then
            length_item:add_proto_expert_info(
                expert_info.length,
                string.format("the length says %d bytes, the message holds %d", length, count)
            )
        end
        if kind ~= "write" or role == "request" then
            told = add_values(tree, buffer, address, bytes, count, kind == "write")
        end
        told = told ~= "" and told or printable(payload):lower()
    elseif kind ~= "read" then
        tree:add_proto_expert_info(expert_info.malformed, "a " .. kind .. " message without data")
    end
    if kind == "write" and role == "response" then
        tree:add(field.ok, buffer(HEADER, #payload), status == "OK"):set_generated()
        if status ~= "OK" then
            tree:add_proto_expert_info(expert_info.refused, "the machine refused: " .. (status or printable(payload)))
            told = status or printable(payload)
        end
    end
    add_check(tree, buffer, text)

    local info = sender .. " " .. verb_of(kind, role, status) .. " " .. name
    tree:append_text(", " .. info)
    pinfo.cols.info = told ~= "" and info .. ": " .. told or info
    return buffer:len()
end
