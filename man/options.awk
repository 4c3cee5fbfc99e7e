# Fills a manual page from an option dump: awk -f options.awk DUMP PAGE. See gen.sh.
BEGIN { FS = "\t" }

# Text for a text line of mdoc.
function esc(s) {
    gsub(/\\/, "\\e", s)
    gsub(/--/, "\\-\\-", s)
    if (s ~ /^[.']/) s = "\\\&" s
    return s
}

# An argument of a macro: protected from being read as a macro or as punctuation.
function arg(s) {
    gsub(/\\/, "\\e", s)
    if (s ~ / /) return "\"" s "\""
    if (s ~ /^[][().,:;?!|]$/ || s ~ /^[A-Z%][a-z0-9]$/ || s ~ /^[.']/) return "\\\&" s
    return s
}

function sentence(s,    first) {
    first = s
    sub(/[ ,:;].*/, "", first)
    # Names of programs keep their spelling.
    if (first !~ /^(zstd|gzip|xz|stdin|stdout|n-gram)$/ && first !~ /[^a-z]/)
        s = toupper(substr(s, 1, 1)) substr(s, 2)
    print esc(s) "."
}

function list(s,    i, n, part, t) {
    n = split(s, part, "|")
    for (i = 1; i <= n; i++)
        t = t (i == 1 ? "" : i == n ? " or " : ", ") part[i]
    return t
}

function long_names(s,    i, n, part, t) {
    n = split(s, part, /[|,]/)
    for (i = 1; i <= n; i++) {
        if (part[i] == "default") continue
        t = t (t == "" ? "" : " or ") "--" part[i]
    }
    return t
}

# 1073741824 -> 1G for sizes; seconds for durations.
function amount(x, type,    k) {
    if (type == "duration") return x "s"
    if (type != "size") return x
    for (k = 0; k < 6 && x >= 1024 && x % 1024 == 0; k++) x /= 1024
    return x (k ? substr("KMGTPE", k, 1) : "")
}

function item(i,    line, value) {
    value = ""
    if (o_arg[i] != "" && o_flags[i] ~ /optional/)
        value = " Ns Oo = Ns Ar " arg(o_arg[i]) " Oc"
    else if (o_arg[i] != "")
        value = " Ar " arg(o_arg[i])
    line = ".It"
    if (o_letter[i] != "") line = line " Fl " o_letter[i] " ,"
    if (o_flags[i] ~ /tristate/ || (o_type[i] == "flag" && o_def[i] == "true"))
        line = line " Fl Fl " o_name[i] " , Fl Fl no-" o_name[i]
    else
        line = line " Fl Fl " o_name[i] value
    print line
    sentence(o_help[i])
    if (o_choices[i] != "") print "One of " esc(list(o_choices[i])) "."
    if (o_type[i] == "flag" && o_def[i] == "true") print "On by default."
    else if (o_def[i] != "" && o_type[i] != "flag") print "The default is " esc(o_def[i]) "."
    if (o_min[i] != 0 || o_max[i] != 0)
        print "Between " amount(o_min[i], o_type[i]) " and " amount(o_max[i], o_type[i]) "."
    if (o_flags[i] ~ /repeat/) print "May be repeated."
    if (o_flags[i] ~ /required/) print "Required."
    if (o_flags[i] ~ /mode/) print "Selects a mode."
    if (o_modes[i] != "" && o_modes[i] !~ /(^|,)default(,|$)/)
        print esc("Only with " long_names(o_modes[i])) "."
    else if (o_modes[i] == "default") print "Not with the options that select a mode."
    else if (o_modes[i] != "") print esc("In the default mode, or with " long_names(o_modes[i])) "."
    if (o_needs[i] != "") print esc("Needs " long_names(o_needs[i])) "."
}

function options(    g, i) {
    for (g = 1; g <= groups; g++) {
        print ".Ss " group[g]
        print ".Bl -tag -width Ds"
        for (i = 1; i <= count; i++) if (o_group[i] == group[g]) item(i)
        print ".El"
    }
}

function synopsis(    i, j, n, word) {
    for (i = 1; i <= synopses; i++) {
        print ".Nm"
        n = split(synopsis_of[i], word, " ")
        for (j = 1; j <= n; j++)
            if (word[j] ~ /^\[.*\]$/) print ".Op " arg(substr(word[j], 2, length(word[j]) - 2))
            else print ".Ar " arg(word[j])
    }
}

function exits() {
    print ".Bl -tag -width Ds -compact"
    print ".It 0\nDone."
    print ".It 1\nA negative finding, or more bad records than"
    print ".Fl Fl max-errors\nallows."
    print ".It 2\nUsage."
    print ".It 65\nBad data or a corrupt compressed input."
    print ".It 66\nAn input is missing or unreadable."
    print ".It 69\nA command that the tool ran failed."
    print ".It 70 , 71\nA bug; no memory or no threads."
    print ".It 73 , 74\nAn output cannot be created; I/O error, disk full."
    print ".It 75\nBusy, or not enough data for a verdict: try again."
    print ".It 78\nA bad model, tokenizer, index or manifest file."
    print ".It 128+n\nKilled by signal n."
    print ".El"
}

# ---- the dump
FNR == NR && FNR == 1 {
    for (i = 1; i <= NF; i++) column[$i] = i
    next
}
FNR == NR && $1 == "@synopsis" { synopsis_of[++synopses] = $2; next }
FNR == NR && /^@/ { next }
FNR == NR {
    i = ++count
    o_letter[i] = $column["letter"]; o_name[i] = $column["name"]; o_type[i] = $column["type"]
    o_arg[i] = $column["arg"]; o_def[i] = $column["default"]; o_min[i] = $column["min"]
    o_max[i] = $column["max"]; o_choices[i] = $column["choices"]; o_flags[i] = $column["flags"]
    o_modes[i] = $column["modes"]; o_group[i] = $column["group"]; o_help[i] = $column["help"]
    o_needs[i] = $column["needs"]
    if (!(o_group[i] in seen)) { seen[o_group[i]] = 1; group[++groups] = o_group[i] }
    next
}

# ---- the page
skip && /^\.\\" END / { skip = 0 }
skip { next }
{ print }
/^\.\\" BEGIN OPTIONS$/ { options(); skip = 1 }
/^\.\\" BEGIN SYNOPSIS$/ { synopsis(); skip = 1 }
/^\.\\" BEGIN EXIT$/ { exits(); skip = 1 }
