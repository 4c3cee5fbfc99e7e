#include "magic.h"

#include "../json.h"
#include "warc.h"

/* ---- signatures ---- */

struct signature {
    const char *bytes;
    int len, at;
    const char *name;
    bool certain; /* letters only, and still nothing that a text begins with */
};

#define SIG(literal, at, name)                                                                     \
    {                                                                                              \
        (literal), (int)sizeof(literal) - 1, (at), (name), false                                   \
    }
#define LETTERS(literal, at, name)                                                                 \
    {                                                                                              \
        (literal), (int)sizeof(literal) - 1, (at), (name), true                                    \
    }

static const struct signature binary_signatures[] = {
    LETTERS("%PDF-", 0, "application/pdf"),
    SIG("\x1f\x8b\x08", 0, "application/gzip"),
    LETTERS("1AY&SY", 4, "application/x-bzip2"),
    SIG("\xfd"
        "7zXZ\0",
        0, "application/x-xz"),
    SIG("\x28\xb5\x2f\xfd", 0, "application/zstd"),
    SIG("\x04\x22\x4d\x18", 0, "application/x-lz4"),
    SIG("7z\xbc\xaf\x27\x1c", 0, "application/x-7z-compressed"),
    SIG("PK\x03\x04", 0, "application/zip"),
    SIG("PK\x05\x06", 0, "application/zip"),
    SIG("Rar!\x1a\x07", 0, "application/vnd.rar"),
    SIG("\x89PNG\r\n\x1a\n", 0, "image/png"),
    SIG("\xff\xd8\xff", 0, "image/jpeg"),
    SIG("GIF87a", 0, "image/gif"),
    SIG("GIF89a", 0, "image/gif"),
    SIG("II*\0", 0, "image/tiff"),
    SIG("MM\0*", 0, "image/tiff"),
    SIG("\0\0\1\0", 0, "image/x-icon"),
    SIG("8BPS", 0, "image/vnd.adobe.photoshop"),
    SIG("\x7f"
        "ELF",
        0, "application/x-elf"),
    SIG("\0asm", 0, "application/wasm"),
    SIG("\xca\xfe\xba\xbe", 0, "application/java-vm"),
    SIG("\xfe\xed\xfa\xce", 0, "application/x-mach-binary"),
    SIG("\xcf\xfa\xed\xfe", 0, "application/x-mach-binary"),
    SIG("MZ\x90\0", 0, "application/x-msdownload"),
    SIG("SQLite format 3\0", 0, "application/vnd.sqlite3"),
    SIG("PAR1", 0, "application/vnd.apache.parquet"),
    SIG("ARROW1", 0, "application/vnd.apache.arrow.file"),
    SIG("ORC", 0, "application/x-orc"),
    SIG("Obj\x01", 0, "application/avro"),
    SIG("GGUF", 0, "application/x-gguf"),
    SIG("\x93NUMPY", 0, "application/x-npy"),
    SIG("OggS\0", 0, "application/ogg"),
    SIG("fLaC", 0, "audio/flac"),
    SIG("ID3", 0, "audio/mpeg"),
    SIG("MThd", 0, "audio/midi"),
    SIG("\x1a\x45\xdf\xa3", 0, "video/webm"),
    SIG("ftyp", 4, "video/mp4"),
    SIG("WEBPVP", 8, "image/webp"),
    SIG("WAVE", 8, "audio/wave"),
    SIG("AVI ", 8, "video/avi"),
    SIG("wOFF", 0, "font/woff"),
    SIG("wOF2", 0, "font/woff2"),
    SIG("OTTO\0", 0, "font/otf"),
    SIG("\0\1\0\0", 0, "font/ttf"),
    SIG("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 0, "application/x-ole-storage"),
    LETTERS("{\\rtf", 0, "text/rtf"),
};

/* A signature of plain letters could open a text ("ORC is a ...", "ID3 tags"): those count only when
 * the head also holds a byte that no text has. */
static bool weak_signature(const struct signature *s)
{
    for (int i = 0; i < s->len; i++)
        if ((unsigned char)s->bytes[i] < 0x20 || (unsigned char)s->bytes[i] >= 0x7f)
            return false;
    return true;
}

static bool matches(slice head, const char *bytes, ptrdiff_t len, ptrdiff_t at)
{
    return head.len >= at + len && memcmp(head.ptr + at, bytes, (size_t)len) == 0;
}

static bool match_word(slice head, const char *lower_word)
{
    ptrdiff_t n = (ptrdiff_t)strlen(lower_word);
    if (head.len < n)
        return false;
    for (ptrdiff_t i = 0; i < n; i++) {
        char c = head.ptr[i];
        if ((c >= 'A' && c <= 'Z' ? c + 32 : c) != lower_word[i])
            return false;
    }
    return true;
}

static slice skip_space(slice s)
{
    while (s.len &&
           (*s.ptr == ' ' || *s.ptr == '\t' || *s.ptr == '\n' || *s.ptr == '\r' || *s.ptr == '\f'))
        s = slice_from(s, 1);
    return s;
}

static bool has_word(slice s, const char *lower_word)
{
    for (; s.len; s = slice_from(s, 1))
        if (match_word(s, lower_word))
            return true;
    return false;
}

/* WHATWG "binary data byte". */
static bool binary_byte(unsigned char c)
{
    return c < 0x20 && c != '\t' && c != '\n' && c != '\r' && c != '\f' && c != 0x1b;
}

static ptrdiff_t count_binary_bytes(slice head)
{
    ptrdiff_t n = 0;
    for (ptrdiff_t i = 0; i < head.len; i++)
        n += binary_byte((unsigned char)head.ptr[i]);
    return n;
}

static bool has_binary_byte(slice head)
{
    return count_binary_bytes(head) > 0;
}

static bool starts_with_bom(slice head)
{
    return matches(head, "\xef\xbb\xbf", 3, 0) || matches(head, "\xff\xfe", 2, 0) ||
           matches(head, "\xfe\xff", 2, 0) || matches(head, "\0\0\xfe\xff", 4, 0);
}

/* The text of one declaration: up to its closing ">". */
static slice declaration(slice s)
{
    ptrdiff_t end = slice_find(s, '>');
    return end < 0 ? s : slice_make(s.ptr, end);
}

static const char *markup_media(slice head)
{
    slice s = skip_space(head);
    bool xml = match_word(s, "<?xml");
    if (xml) {
        ptrdiff_t end = slice_find(s, '>');
        s = end < 0 ? slice_make(s.ptr, 0) : skip_space(slice_from(s, end + 1));
        while (match_word(s, "<!--")) {
            const char *close = memmem(s.ptr, (size_t)s.len, "-->", 3);
            s = close ? skip_space(slice_from(s, close + 3 - s.ptr)) : slice_make(s.ptr, 0);
        }
    }
    if (match_word(s, "<!doctype")) {
        slice d = declaration(s), kind = skip_space(slice_from(d, 9));
        if (match_word(kind, "svg"))
            return "image/svg+xml";
        if (match_word(kind, "html"))
            return has_word(d, "xhtml") ? "application/xhtml+xml" : "text/html";
        return xml ? "application/xml" : NULL;
    }
    if (match_word(s, "<svg"))
        return "image/svg+xml";
    if (xml)
        return match_word(s, "<html") ? "application/xhtml+xml" : "application/xml";
    static const char *const tags[] = { "<html",  "<head",  "<body",  "<script", "<iframe",
                                        "<title", "<table", "<style", "<h1",     "<div" };
    for (ptrdiff_t i = 0; i < countof(tags); i++) {
        slice rest = slice_from(s, MIN(s.len, (ptrdiff_t)strlen(tags[i])));
        if (match_word(s, tags[i]) && rest.len && (*rest.ptr == '>' || *rest.ptr == ' '))
            return "text/html";
    }
    return NULL;
}

struct magic_media magic_media(slice head)
{
    head.len = MIN(head.len, (ptrdiff_t)MAGIC_HEAD_BYTES);
    if (starts_with_bom(head))
        return (struct magic_media){ "text/plain", false };
    ptrdiff_t odd_bytes = count_binary_bytes(head);
    for (ptrdiff_t i = 0; i < countof(binary_signatures); i++) {
        const struct signature *s = &binary_signatures[i];
        if (!matches(head, s->bytes, s->len, s->at))
            continue;
        if (s->certain || odd_bytes || !weak_signature(s))
            return (struct magic_media){ s->name, true };
    }
    const char *markup = markup_media(head);
    if (markup)
        return (struct magic_media){ markup, false };
    /* WHATWG calls a text with one control byte binary; text with stray controls is what a cleaner
     * is for, so it takes a NUL or a share of them. */
    if (slice_find(head, 0) >= 0 || (odd_bytes >= 8 && odd_bytes * 10 > head.len))
        return (struct magic_media){ "application/octet-stream", true };
    return (struct magic_media){ "text/plain", false };
}

/* ---- containers ---- */

/* POSIX: the sum of the header's bytes with the checksum field taken as spaces, in octal. Old
 * writers summed signed bytes. A header of zeros ends an archive and is not a beginning. */
static bool is_tar(slice head)
{
    if (head.len < 512)
        return false;
    int64_t sum = 0, signed_sum = 0, field = 0;
    for (int i = 0; i < 512; i++) {
        bool in_field = i >= 148 && i < 156;
        sum += in_field ? ' ' : (unsigned char)head.ptr[i];
        signed_sum += in_field ? ' ' : (signed char)head.ptr[i];
    }
    int i = 148, digits = 0;
    while (i < 156 && head.ptr[i] == ' ')
        i++;
    for (; i < 156 && head.ptr[i] >= '0' && head.ptr[i] <= '7'; i++, digits++)
        field = field * 8 + (head.ptr[i] - '0');
    return digits > 0 && head.ptr[0] != 0 && (field == sum || field == signed_sum);
}

static bool is_cpio(slice head)
{
    if (matches(head, "070707", 6, 0) || matches(head, "070701", 6, 0) ||
        matches(head, "070702", 6, 0)) {
        for (int i = 6; i < 76; i++) { /* all header fields are octal or hex digits */
            if (i >= head.len)
                return false;
            char c = head.ptr[i];
            if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')))
                return false;
        }
        return true;
    }
    return head.len >= 26 && matches(head, "\xc7\x71", 2, 0) && has_binary_byte(head);
}

static bool is_zip(slice head, slice name)
{
    static const char *const documents[] = {
        ".docx", ".xlsx", ".pptx", ".odt", ".ods", ".odp", ".epub", ".jar",
        ".apk",  ".whl",  ".npz",  ".pt",  ".pth", ".xpi", ".kmz",  ".vsix",
    };
    if (!matches(head, "PK\x03\x04", 4, 0) && !matches(head, "PK\x05\x06", 4, 0))
        return false;
    for (ptrdiff_t i = 0; i < countof(documents); i++)
        if (magic_has_suffix(name, documents[i]))
            return false;
    return true;
}

enum magic_container magic_container(slice head, slice name)
{
    if (matches(head, "\x1f\x8b\x08", 3, 0) || matches(head, "\x28\xb5\x2f\xfd", 4, 0) ||
        matches(head,
                "\xfd"
                "7zXZ\0",
                6, 0) ||
        matches(head, "\x04\x22\x4d\x18", 4, 0))
        return MAGIC_COMPRESSED;
    /* A zstd file may begin with a skippable frame (pzstd, seekable indexes in front). */
    if (head.len >= 4 && (load_u32(head.ptr) & 0xfffffff0) == 0x184d2a50)
        return MAGIC_COMPRESSED;
    if (matches(head, "BZh", 3, 0) && head.len >= 10 && head.ptr[3] >= '1' && head.ptr[3] <= '9' &&
        (matches(head, "1AY&SY", 6, 4) || matches(head, "\x17\x72\x45\x38\x50\x90", 6, 4)))
        return MAGIC_COMPRESSED;
    if (matches(head, "7z\xbc\xaf\x27\x1c", 6, 0))
        return MAGIC_7Z;
    if (is_zip(head, name))
        return MAGIC_ZIP;
    if (is_tar(head))
        return MAGIC_TAR;
    return is_cpio(head) ? MAGIC_CPIO : MAGIC_PLAIN;
}

/* ---- formats ---- */

bool magic_has_suffix(slice name, const char *suffix)
{
    ptrdiff_t n = (ptrdiff_t)strlen(suffix);
    return name.len > n && match_word(slice_from(name, name.len - n), suffix);
}

slice magic_strip_suffix(slice name)
{
    static const char *const suffixes[] = { ".gz", ".zst", ".zstd", ".xz", ".bz2", ".lz4" };
    for (ptrdiff_t i = 0; i < countof(suffixes); i++)
        if (magic_has_suffix(name, suffixes[i]))
            return slice_make(name.ptr, name.len - (ptrdiff_t)strlen(suffixes[i]));
    return name;
}

static enum magic_format format_of_content(slice head, bool whole)
{
    slice s = head;
    if (matches(s, "\xef\xbb\xbf", 3, 0))
        s = slice_from(s, 3);
    s = skip_space(s);
    if (s.len && *s.ptr == '[') {
        slice first = skip_space(slice_from(s, 1));
        return first.len && (*first.ptr == '{' || *first.ptr == '"') ? MAGIC_JSON : MAGIC_TEXT;
    }
    if (s.len && *s.ptr == '<') {
        const char *media = markup_media(s);
        bool html = media && (strcmp(media, "text/html") == 0 ||
                              strcmp(media, "application/xhtml+xml") == 0);
        return html ? MAGIC_HTML : MAGIC_TEXT;
    }
    if (!s.len || *s.ptr != '{')
        return MAGIC_TEXT;
    ptrdiff_t end = slice_find(s, '\n');
    struct json_fault fault;
    if (end < 0 && !whole) /* a first record longer than the head */
        return MAGIC_JSONL;
    slice line = end < 0 ? s : slice_make(s.ptr, end);
    if (json_scan(line, NULL, NULL, NULL, &fault))
        return MAGIC_JSONL;
    slice first = skip_space(slice_from(s, 1));
    return first.len && *first.ptr == '"' ? MAGIC_JSON : MAGIC_TEXT;
}

enum magic_format magic_format(slice head, bool whole, slice name)
{
    static const struct {
        const char *suffix;
        enum magic_format format;
    } known[] = {
        { ".txt", MAGIC_TEXT },      { ".text", MAGIC_TEXT },     { ".md", MAGIC_TEXT },
        { ".markdown", MAGIC_TEXT }, { ".rst", MAGIC_TEXT },      { ".tex", MAGIC_TEXT },
        { ".log", MAGIC_TEXT },      { ".jsonl", MAGIC_JSONL },   { ".ndjson", MAGIC_JSONL },
        { ".json", MAGIC_JSON },     { ".csv", MAGIC_CSV },       { ".tsv", MAGIC_TSV },
        { ".tab", MAGIC_TSV },       { ".html", MAGIC_HTML },     { ".htm", MAGIC_HTML },
        { ".srt", MAGIC_SUBTITLES }, { ".vtt", MAGIC_SUBTITLES }, { ".xhtml", MAGIC_HTML },
        { ".shtml", MAGIC_HTML },
    };
    bool arc;
    if (warc_detect(head, &arc))
        return arc ? MAGIC_ARC : MAGIC_WARC;
    name = magic_strip_suffix(name);
    for (ptrdiff_t i = 0; i < countof(known); i++)
        if (magic_has_suffix(name, known[i].suffix))
            return known[i].format;
    return format_of_content(head, whole);
}
