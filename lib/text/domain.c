#include "domain.h"

#ifdef HAVE_LIBPSL
#include <libpsl.h>

const bool domain_available = true;

slice domain_registered(slice host)
{
    char name[256];
    ptrdiff_t at = host.len;

    if (host.len == 0 || host.len >= (ptrdiff_t)sizeof name)
        return (slice){ 0 };
    memcpy(name, host.ptr, (size_t)host.len);
    name[host.len] = 0;
    char last = host.ptr[host.len - 1];
    if ((last >= '0' && last <= '9') || last == ']')
        return (slice){ 0 };
    /* From the right: the first name that is no public suffix. */
    while (at > 0) {
        while (at > 0 && name[at - 1] != '.')
            at--;
        if (!psl_is_public_suffix2(psl_builtin(), name + at, PSL_TYPE_ICANN))
            return slice_from(host, at);
        at--;
    }
    return (slice){ 0 };
}

const char *domain_version(void)
{
    return psl_get_version();
}

#else

const bool domain_available = false;

slice domain_registered(slice host)
{
    (void)host;
    return (slice){ 0 };
}

const char *domain_version(void)
{
    return "none";
}
#endif
