/* What the profiles of other tools need beside tables: patterns and a normal form. */
#include "quality_private.h"

bool quality_peers_ready(struct quality *q, struct arena *arena, struct err *err)
{
    if (!q->groups[GROUP_CURATOR] && !q->groups[GROUP_DCLM] && !q->groups[GROUP_REDPAJAMA])
        return true;
    struct quality_peers *p = q->peers = arena_new(arena, struct quality_peers, 1);
    const struct {
        struct regex **re;
        enum quality_group group;
        const char *pattern;
        unsigned flags;
    } patterns[] = {
        { &p->url, GROUP_CURATOR,
          "https?://(?:[A-Za-z0-9$\\-_@.&+/:=?#~]|[!*\\(\\),]|(?:%[0-9A-Fa-f]{2}))+", 0 },
        { &p->counter, GROUP_DCLM,
          "^\\W*\\d(?:,|\\.|\\d)*(?:k|m|b)?\\s+(?:likes|shares|comments|retweets|reposts|quotes|"
          "bookmarks|upvotes|downvotes|downloads|views|followers)\\W*\\z",
          REGEX_UNICODE | REGEX_CASELESS },
        { &p->cart, GROUP_DCLM, "\\s?(?:items in cart)\\s?", REGEX_UNICODE },
        { &p->more, GROUP_DCLM, "\\s?(?:Read more...)\\z", REGEX_UNICODE },
        { &p->sign, GROUP_DCLM, "^(?:Sign-in)\\s?", REGEX_UNICODE },
    };
    for (int i = 0; i < countof(patterns); i++)
        if (q->groups[patterns[i].group] &&
            !(*patterns[i].re = regex_new(slice_of(patterns[i].pattern), patterns[i].flags, err)))
            return false;
    if (q->groups[GROUP_REDPAJAMA])
        p->nfd = uni_norm_new(UNI_NFD, arena);
    return true;
}

void quality_release(struct quality *q)
{
    struct quality_peers *p = q->peers;

    if (!p)
        return;
    regex_free(p->url);
    regex_free(p->counter);
    regex_free(p->cart);
    regex_free(p->more);
    regex_free(p->sign);
}
