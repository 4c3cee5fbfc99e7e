#include "htmlhint.h"

struct word {
    const char *text;
    uint16_t hints;
};

/* Whole words of a name. */
static const struct word words[] = {
    { "ad", HINT_AD },
    { "ads", HINT_AD },
    { "adv", HINT_AD },
    { "advert", HINT_AD },
    { "adsense", HINT_AD },
    { "anzeige", HINT_AD },
    { "werbung", HINT_AD },
    { "sponsor", HINT_AD },
    { "sponsored", HINT_AD },
    { "outbrain", HINT_AD },
    { "taboola", HINT_AD },
    { "promo", HINT_AD },
    { "promoted", HINT_AD },
    { "nav", HINT_NAV },
    { "navi", HINT_NAV },
    { "menu", HINT_NAV },
    { "menue", HINT_NAV },
    { "toc", HINT_NAV },
    { "pager", HINT_NAV },
    { "paging", HINT_NAV },
    { "pages", HINT_NAV },
    { "next", HINT_NAV },
    { "prev", HINT_NAV },
    { "previous", HINT_NAV },
    { "jump", HINT_NAV },
    { "skip", HINT_NAV },
    { "skiplinks", HINT_NAV },
    { "breadcrumb", HINT_NAV },
    { "crumbs", HINT_NAV },
    { "tabs", HINT_NAV },
    { "backlink", HINT_NAV },
    { "foot", HINT_FOOT },
    { "footer", HINT_FOOT },
    { "copyright", HINT_FOOT },
    { "colophon", HINT_FOOT },
    { "impressum", HINT_FOOT },
    { "imprint", HINT_FOOT },
    { "legal", HINT_FOOT },
    { "disclaimer", HINT_FOOT },
    { "side", HINT_SIDE },
    { "aside", HINT_SIDE },
    { "rail", HINT_SIDE },
    { "widget", HINT_SIDE },
    { "widgets", HINT_SIDE },
    { "marginal", HINT_SIDE },
    { "infobox", HINT_SIDE },
    { "reply", HINT_COMMENT },
    { "respond", HINT_COMMENT },
    { "replies", HINT_COMMENT },
    { "pingback", HINT_COMMENT },
    { "trackback", HINT_COMMENT },
    { "trackbacks", HINT_COMMENT },
    { "guestbook", HINT_COMMENT },
    { "kommentare", HINT_COMMENT },
    { "kommentar", HINT_COMMENT },
    { "share", HINT_SHARE },
    { "sharing", HINT_SHARE },
    { "shares", HINT_SHARE },
    { "sharedaddy", HINT_SHARE },
    { "social", HINT_SHARE },
    { "facebook", HINT_SHARE },
    { "twitter", HINT_SHARE },
    { "whatsapp", HINT_SHARE },
    { "pinterest", HINT_SHARE },
    { "addthis", HINT_SHARE },
    { "addtoany", HINT_SHARE },
    { "shariff", HINT_SHARE },
    { "bookmark", HINT_SHARE },
    { "bookmarks", HINT_SHARE },
    { "follow", HINT_SHARE },
    { "related", HINT_RELATED },
    { "recommended", HINT_RELATED },
    { "recommendations", HINT_RELATED },
    { "recommendation", HINT_RELATED },
    { "popular", HINT_RELATED },
    { "trending", HINT_RELATED },
    { "teaser", HINT_RELATED },
    { "teasers", HINT_RELATED },
    { "similar", HINT_RELATED },
    { "yarpp", HINT_RELATED },
    { "jp-relatedposts", HINT_RELATED },
    { "mehr", HINT_RELATED },
    { "more", HINT_RELATED },
    { "readmore", HINT_RELATED },
    { "carousel", HINT_RELATED },
    { "slider", HINT_RELATED },
    { "author", HINT_SIDE },
    { "authors", HINT_SIDE },
    { "autor", HINT_SIDE },
    { "bio", HINT_SIDE },
    { "byline", HINT_ABOUT },
    { "date", HINT_ABOUT },
    { "datum", HINT_ABOUT },
    { "meta", HINT_ABOUT },
    { "metadata", HINT_ABOUT },
    { "postmetadata", HINT_ABOUT },
    { "metas", HINT_ABOUT },
    { "tag", HINT_ABOUT },
    { "tags", HINT_ABOUT },
    { "tagcloud", HINT_ABOUT },
    { "taglist", HINT_ABOUT },
    { "keywords", HINT_ABOUT },
    { "category", HINT_ABOUT },
    { "categories", HINT_ABOUT },
    { "posted", HINT_ABOUT },
    { "published", HINT_ABOUT },
    { "timestamp", HINT_ABOUT },
    { "time", HINT_ABOUT },
    { "credit", HINT_ABOUT },
    { "credits", HINT_ABOUT },
    { "login", HINT_UI },
    { "signin", HINT_UI },
    { "signup", HINT_UI },
    { "register", HINT_UI },
    { "search", HINT_UI },
    { "suche", HINT_UI },
    { "subscribe", HINT_UI },
    { "subscription", HINT_UI },
    { "cookie", HINT_UI },
    { "cookies", HINT_UI },
    { "consent", HINT_UI },
    { "gdpr", HINT_UI },
    { "modal", HINT_UI },
    { "popup", HINT_UI },
    { "overlay", HINT_UI },
    { "lightbox", HINT_UI },
    { "tooltip", HINT_UI },
    { "toolbar", HINT_UI },
    { "tools", HINT_UI },
    { "button", HINT_UI },
    { "buttons", HINT_UI },
    { "btn", HINT_UI },
    { "print", HINT_UI },
    { "drucken", HINT_UI },
    { "rating", HINT_UI },
    { "ratings", HINT_UI },
    { "vote", HINT_UI },
    { "votes", HINT_UI },
    { "hide", HINT_UI },
    { "hidden", HINT_UI },
    { "invisible", HINT_UI },
    { "paywall", HINT_UI },
    { "donate", HINT_UI },
    { "feedback", HINT_UI },
    { "masthead", HINT_HEADER },
    { "topbar", HINT_HEADER },
    { "banner", HINT_HEADER },
    { "logo", HINT_HEADER },
    { "branding", HINT_HEADER },
    { "caption", HINT_CAPTION },
    { "bildunterschrift", HINT_CAPTION },
    { "content", HINT_CONTENT },
    { "contents", HINT_CONTENT },
    { "inhalt", HINT_CONTENT },
    { "article", HINT_CONTENT },
    { "artikel", HINT_CONTENT },
    { "articulo", HINT_CONTENT },
    { "main", HINT_CONTENT },
    { "post", HINT_CONTENT },
    { "entry", HINT_CONTENT },
    { "story", HINT_CONTENT },
    { "blog", HINT_CONTENT },
    { "text", HINT_CONTENT },
    { "hentry", HINT_CONTENT },
    { "maincontent", HINT_CONTENT },
    { "bodytext", HINT_BODY },
    { "articlebody", HINT_BODY },
    { "articletext", HINT_BODY },
    { "articlecontent", HINT_BODY },
    { "artikeltext", HINT_BODY },
    { "storybody", HINT_BODY },
    { "storytext", HINT_BODY },
    { "postbody", HINT_BODY },
    { "posttext", HINT_BODY },
    { "postcontent", HINT_BODY },
    { "postentry", HINT_BODY },
    { "entrycontent", HINT_BODY },
    { "entrytext", HINT_BODY },
    { "entrybody", HINT_BODY },
};

/* Stems that count inside of words. */
static const struct word stems[] = {
    { "navig", HINT_NAV },         { "navbar", HINT_NAV },        { "breadcrumb", HINT_NAV },
    { "paginat", HINT_NAV },       { "menu", HINT_NAV },          { "sidebar", HINT_SIDE },
    { "widget", HINT_SIDE },       { "footer", HINT_FOOT },       { "comment", HINT_COMMENT },
    { "disqus", HINT_COMMENT },    { "kommentar", HINT_COMMENT }, { "comentario", HINT_COMMENT },
    { "sharing", HINT_SHARE },     { "sharebu", HINT_SHARE },     { "sociab", HINT_SHARE },
    { "socialm", HINT_SHARE },     { "related", HINT_RELATED },   { "newsletter", HINT_UI },
    { "advert", HINT_AD },         { "sponsor", HINT_AD },        { "teaser", HINT_RELATED },
    { "recommend", HINT_RELATED }, { "mostread", HINT_RELATED },  { "mostpopular", HINT_RELATED },
};

/* First and second word that together name the text of an article. */
static const char *const body_first[] = { "article", "artikel", "entry", "post", "story",    "news",
                                          "blog",    "body",    "text",  "main", "articulo", NULL };
static const char *const body_second[] = { "content", "body",      "text", "inhalt",
                                           "copy",    "contenido", NULL };

/* A name that begins so says what is elsewhere. */
static const char *const elsewhere[] = { "has",  "no",  "with", "without", "tag",    "category",
                                         "type", "not", "is",   "format",  "status", NULL };

#define WORD_MAX  32
#define WORDS_MAX 8

struct name {
    char words[WORDS_MAX][WORD_MAX];
    int count;
};

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Cuts the name at what is no letter and before capitals that follow a small letter. */
static void cut_words(slice s, struct name *n)
{
    int len = 0;
    n->count = 0;
    for (ptrdiff_t i = 0; i <= s.len && n->count < WORDS_MAX; i++) {
        char c = i < s.len ? s.ptr[i] : 0;
        bool capital = c >= 'A' && c <= 'Z';
        bool small_before = i > 0 && s.ptr[i - 1] >= 'a' && s.ptr[i - 1] <= 'z';
        if (len && (!is_letter(c) || (capital && small_before))) {
            n->words[n->count++][len] = 0;
            len = 0;
        }
        if (is_letter(c) && len < WORD_MAX - 1 && n->count < WORDS_MAX)
            n->words[n->count][len++] = (char)(capital ? c + 32 : c);
    }
}

static bool is_in(const char *word, const char *const *list)
{
    for (; *list; list++)
        if (strcmp(word, *list) == 0)
            return true;
    return false;
}

static uint16_t word_hints(const char *word)
{
    uint16_t hints = 0;
    for (ptrdiff_t i = 0; i < countof(words); i++)
        if (word[0] == words[i].text[0] && strcmp(word, words[i].text) == 0)
            hints |= words[i].hints;
    for (ptrdiff_t i = 0; i < countof(stems); i++)
        if (strstr(word, stems[i].text))
            hints |= stems[i].hints;
    return hints;
}

static uint16_t name_hints(slice s)
{
    struct name n;
    uint16_t hints = 0;
    cut_words(s, &n);
    if (n.count > 1 && is_in(n.words[0], elsewhere))
        return 0;
    for (int i = 0; i < n.count; i++)
        hints |= word_hints(n.words[i]);
    for (int i = 0; i + 1 < n.count; i++)
        if (is_in(n.words[i], body_first) && is_in(n.words[i + 1], body_second))
            hints |= HINT_BODY;
    /* "post-meta", "content-footer": the part is what it is, not the whole. */
    if (hints & HINT_PRUNE)
        hints &= (uint16_t) ~(HINT_BODY | HINT_CONTENT);
    return hints;
}

uint16_t html_hints(slice names)
{
    uint16_t hints = 0;
    for (ptrdiff_t i = 0; i < names.len;) {
        ptrdiff_t start = i;
        while (i < names.len && (unsigned char)names.ptr[i] > ' ')
            i++;
        if (i > start)
            hints |= name_hints(slice_make(names.ptr + start, i - start));
        i++;
    }
    return hints;
}

uint16_t html_role_hints(slice role)
{
    static const struct word roles[] = {
        { "navigation", HINT_NAV }, { "menu", HINT_NAV },         { "menubar", HINT_NAV },
        { "banner", HINT_HEADER },  { "contentinfo", HINT_FOOT }, { "complementary", HINT_SIDE },
        { "search", HINT_UI },      { "dialog", HINT_UI },        { "alertdialog", HINT_UI },
        { "main", HINT_CONTENT },   { "article", HINT_CONTENT },  { "toolbar", HINT_UI },
    };
    for (ptrdiff_t i = 0; i < countof(roles); i++)
        if (slice_eq(role, slice_of(roles[i].text)))
            return roles[i].hints;
    return 0;
}
