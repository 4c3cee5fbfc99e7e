#include "pii_check.h"

#include "../sha256.h"

/* ---- sums of digits ---- */

static inline int digit(char c)
{
    return c - '0';
}

static bool all_digits(const char *s, int n)
{
    for (int i = 0; i < n; i++)
        if (s[i] < '0' || s[i] > '9')
            return false;
    return n > 0;
}

static int weighted(const char *s, const signed char *weights, int n)
{
    int sum = 0;

    for (int i = 0; i < n; i++)
        sum += digit(s[i]) * weights[i];
    return sum;
}

#define WEIGHTED(s, ...)                                                                           \
    weighted(s, (const signed char[]){ __VA_ARGS__ },                                              \
             (int)sizeof((const signed char[]){ __VA_ARGS__ }))

static int two(const char *s)
{
    return digit(s[0]) * 10 + digit(s[1]);
}

bool pii_luhn(const char *s, int n)
{
    int sum = 0;

    for (int i = 0; i < n; i++) {
        int d = digit(s[n - 1 - i]);
        if (i & 1)
            d = d > 4 ? 2 * d - 9 : 2 * d;
        sum += d;
    }
    return sum % 10 == 0;
}

static bool is_date(int year, int month, int day)
{
    static const signed char days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return month >= 1 && month <= 12 && day >= 1 &&
           day <= days[month - 1] + (month == 2 && leap ? 1 : 0);
}

/* ISO/IEC 7064, MOD 11,10. */
static bool mod_11_10(const char *s, int n)
{
    int product = 10;

    for (int i = 0; i < n - 1; i++) {
        int sum = (digit(s[i]) + product) % 10;
        product = (sum ? sum : 10) * 2 % 11;
    }
    return (11 - product) % 10 == digit(s[n - 1]);
}

static bool verhoeff(const char *s, int n)
{
    static const char *const times[] = { "0123456789", "1234067895", "2340178956", "3401289567",
                                         "4012395678", "5987604321", "6598710432", "7659821043",
                                         "8765932104", "9876543210" };
    static const char *const moved[] = { "0123456789", "1576283094", "5803796142", "8916043527",
                                         "9453126870", "4286573901", "2793806415", "7046913258" };
    int c = 0;

    for (int i = 0; i < n; i++)
        c = digit(times[c][digit(moved[i % 8][digit(s[n - 1 - i])])]);
    return c == 0;
}

/* ---- by country ---- */

static bool check_hetu(const char *s, slice raw)
{
    char mark = raw.ptr[6] >= 'a' ? (char)(raw.ptr[6] - 32) : raw.ptr[6];
    int year = mark == '+' ? 1800 : mark == '-' || (mark >= 'U' && mark <= 'Y') ? 1900 : 2000;
    const char *tail = s + (mark >= 'A' ? 7 : 6);
    int number = two(s) * 10000 + two(s + 2) * 100 + two(s + 4);

    number = (number % 31 * 1000 + digit(tail[0]) * 100 + two(tail + 1)) % 31;
    return is_date(year + two(s + 4), two(s + 2), two(s)) &&
           "0123456789ABCDEFHJKLMNPRSTUVWXY"[number] == tail[3];
}

/* Weights 1 2 1 2 ..., digits of products added up. */
static int cross_sum(const char *s, const signed char *weights, int n)
{
    int sum = 0;

    for (int i = 0; i < n; i++) {
        int p = digit(s[i]) * weights[i];
        sum += p / 10 + p % 10;
    }
    return sum;
}

static bool check_kvnr(const char *s)
{
    static const signed char w[] = { 1, 2, 1, 2, 1, 2, 1, 2, 1, 2 };
    char t[10] = { (char)('0' + (s[0] - 'A' + 1) / 10), (char)('0' + (s[0] - 'A' + 1) % 10) };

    memcpy(t + 2, s + 1, 8);
    return cross_sum(t, w, 10) % 10 == digit(s[9]);
}

static bool check_rvnr(const char *s)
{
    static const signed char w[] = { 2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1 };
    int day = two(s + 2), month = two(s + 4);
    char t[12];

    memcpy(t, s, 8);
    t[8] = (char)('0' + (s[8] - 'A' + 1) / 10);
    t[9] = (char)('0' + (s[8] - 'A' + 1) % 10);
    memcpy(t + 10, s + 9, 2);
    return ((day >= 1 && day <= 31) || (day >= 51 && day <= 81)) && month >= 1 && month <= 12 &&
           cross_sum(t, w, 12) % 10 == digit(s[11]);
}

/* ICAO 9303: weights 7 3 1, letters from 10. The German card of before 2010 has no check digit. */
static bool check_icao(const char *s, int n)
{
    int sum = 0;

    if (s[0] == 'T' && all_digits(s + 1, n - 1))
        return true;
    for (int i = 0; i < n - 1; i++)
        sum += (s[i] <= '9' ? digit(s[i]) : s[i] - 'A' + 10) * "\7\3\1"[i % 3];
    return s[n - 1] <= '9' && sum % 10 == digit(s[n - 1]);
}

static bool check_steuerid(const char *s)
{
    int seen[10] = { 0 };

    for (int i = 0; i < 10; i++)
        if (++seen[digit(s[i])] > 3)
            return false;
    return s[0] != '0' && mod_11_10(s, 11);
}

static bool check_cpf(const char *s)
{
    int a = 0, b = 0, same = 1;

    for (int i = 0; i < 9; i++) {
        a += digit(s[i]) * (10 - i);
        b += digit(s[i]) * (11 - i);
        same &= s[i] == s[0];
    }
    a = a * 10 % 11 % 10;
    b = (b + 2 * a) * 10 % 11 % 10;
    return !same && a == digit(s[9]) && b == digit(s[10]);
}

static bool check_cnpj(const char *s)
{
    int a = WEIGHTED(s, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2) % 11;
    int b = WEIGHTED(s, 6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2) % 11;

    return digit(s[12]) == (a < 2 ? 0 : 11 - a) && digit(s[13]) == (b < 2 ? 0 : 11 - b);
}

static bool check_cn_id(const char *s)
{
    int sum = WEIGHTED(s, 7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2);

    return is_date(two(s + 6) * 100 + two(s + 8), two(s + 10), two(s + 12)) &&
           "10X98765432"[sum % 11] == s[17];
}

static bool check_my_number(const char *s)
{
    int sum = WEIGHTED(s, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2) % 11;

    return digit(s[11]) == (sum <= 1 ? 0 : 11 - sum);
}

/* France: 13 digits (2A, 2B for Corsica) and 97 - number mod 97. */
static bool check_nir(const char *s)
{
    int64_t number = 0;

    for (int i = 0; i < 13; i++) {
        if (s[i] >= 'A' && i != 6)
            return false;
        /* The departments 2A and 2B of Corsica count as 19 and 18. */
        number =
            s[i] >= 'A' ? (number / 10) * 100 + (s[i] == 'A' ? 19 : 18) : number * 10 + digit(s[i]);
    }
    return 97 - number % 97 == two(s + 13);
}

static bool check_gstin(const char *s)
{
    int letters = 0, state = two(s);

    for (int i = 2; i < 7; i++)
        letters += s[i] >= 'A';
    return state >= 1 && state <= 37 && letters >= 3 && all_digits(s + 7, 4) && s[11] >= 'A';
}

/* The weak form of PAN: letters and four digits in a row within ten characters. */
static bool check_pan_low(const char *s, int n)
{
    int run = 0, best = 0, letters = 0;

    for (int i = 0; i < n; i++) {
        run = s[i] <= '9' ? run + 1 : 0;
        best = MAX(best, run);
        letters += s[i] >= 'A';
    }
    return best >= 4 && letters > 0;
}

static bool check_it_vat(const char *s)
{
    int nonzero = 0;

    for (int i = 0; i < 11; i++)
        nonzero |= digit(s[i]);
    return nonzero && pii_luhn(s, 11);
}

static bool check_brn(const char *s)
{
    int last = digit(s[8]) * 5;

    return (10 - (WEIGHTED(s, 1, 3, 7, 1, 3, 7, 1, 3) + last + last / 10) % 10) % 10 == digit(s[9]);
}

static bool check_aadhaar(const char *s)
{
    bool palindrome = true;

    for (int i = 0; i < 6; i++)
        palindrome &= s[i] == s[11 - i];
    return s[0] >= '2' && !palindrome && verhoeff(s, 12);
}

static bool check_uen(const char *s, int n)
{
    static const char third[] = "ABCDEFGHJKLMNPQRSTUVWX0123456789";
    static const char types[] = "LPLLFCPFRFMQMMNBCCCSMBFMGSDPCPNRCMCDMDHSVHCHMHCLXLCXHCRPTUTCFBFN"
                                "PAPBSSMCSMGAGB";
    static const signed char w[] = { 4, 3, 5, 3, 10, 2, 2, 5, 7 };
    int sum = -5;

    if (n == 9)
        return "XMKECAWLJDB"[WEIGHTED(s, 10, 4, 9, 3, 8, 2, 7, 1) % 11] == s[8];
    if (s[0] <= '9')
        return "ZKCMDNERGWH"[WEIGHTED(s, 10, 8, 6, 4, 9, 7, 5, 3, 1) % 11] == s[9];
    for (int i = 0; i < 9; i++) {
        const char *at = strchr(third, s[i]);
        if (!at)
            return false;
        sum += (int)(at - third) * w[i];
    }
    for (const char *t = types; *t; t += 2)
        if (t[0] == s[3] && t[1] == s[4])
            return third[sum % 11] == s[9];
    return false;
}

static bool check_za_id(const char *s)
{
    /* A year of two digits: a leap day counts when one of its centuries has it. */
    bool date = is_date(1900 + two(s), two(s + 2), two(s + 4)) ||
                (two(s) < 30 && is_date(2000 + two(s), two(s + 2), two(s + 4)));

    return date && pii_luhn(s, 13);
}

static bool check_nie(const char *s, int n)
{
    int number = 0;

    if (s[0] < 'X' || s[0] > 'Z' || n < 9 || !all_digits(s + 1, n - 2))
        return false;
    for (int i = 1; i < n - 1; i++)
        number = number * 10 + digit(s[i]);
    number += (s[0] - 'X') * (n == 9 ? 10000000 : 100000000);
    return "TRWAGMYFPDXBNJZSQVHLCKE"[number % 23] == s[n - 1];
}

static bool check_nif(const char *s, int n)
{
    int number = 0;

    for (int i = 0; i < n - 1; i++)
        number = number * 10 + digit(s[i]);
    return "TRWAGMYFPDXBNJZSQVHLCKE"[number % 23] == s[n - 1];
}

static bool check_se_pnr(const char *s, int n)
{
    const char *t = s + n - 10;
    int month = two(t + 2), day = two(t + 4);

    day -= day >= 61 ? 60 : 0;
    return month >= 1 && month <= 12 && day >= 1 && day <= 31 && pii_luhn(t, 10);
}

static bool check_thai(const char *s)
{
    int x = WEIGHTED(s, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2) % 11;

    return (x <= 1 ? 1 - x : 11 - x) == digit(s[12]);
}

static bool check_tckn(const char *s)
{
    int odd = WEIGHTED(s, 1, 0, 1, 0, 1, 0, 1, 0, 1), even = WEIGHTED(s, 0, 1, 0, 1, 0, 1, 0, 1);
    int tenth = (odd * 7 - even) % 10;

    return s[0] != '0' && (tenth + 10) % 10 == digit(s[9]) &&
           (odd + even + digit(s[9])) % 10 == digit(s[10]);
}

/* A surname of letters, filled up with 9. */
static bool check_uk_driver(const char *s)
{
    int i = 0;

    while (i < 5 && s[i] >= 'A')
        i++;
    if (i == 0)
        return false;
    while (i < 5 && s[i] == '9')
        i++;
    return i == 5;
}

static bool check_nino(const char *s)
{
    static const char never[] = "BGGBNKKNNTTNZZ";

    for (const char *p = never; *p; p += 2)
        if (p[0] == s[0] && p[1] == s[1])
            return false;
    return true;
}

static bool check_uk_plate(const char *s, int n)
{
    if (n != 7 || s[0] < 'A' || s[1] < 'A' || !all_digits(s + 2, 2) || s[4] < 'A')
        return true;
    int age = two(s + 2);
    return (age >= 2 && age <= 29) || (age >= 51 && age <= 79);
}

static bool check_dea(const char *s)
{
    const char *d = s + 2;
    int odd = digit(d[0]) + digit(d[2]) + digit(d[4]);
    int even = digit(d[1]) + digit(d[3]) + digit(d[5]);

    return (odd + 2 * even) % 10 == digit(d[6]);
}

static bool check_npi(const char *s)
{
    char t[15] = "80840";
    bool same = true;

    memcpy(t + 5, s, 10);
    for (int i = 1; i < 9; i++)
        same &= s[i] == s[0];
    return !same && pii_luhn(t, 15);
}

static bool same_separators(slice raw)
{
    char seen = 0;

    for (ptrdiff_t i = 0; i < raw.len; i++) {
        char c = raw.ptr[i];
        bool word = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
        if (word || c == '(' || c == ')')
            continue;
        if (seen && c != seen)
            return false;
        seen = c;
    }
    return true;
}

static bool check_ssn(const char *s, slice raw)
{
    bool same = true;

    for (int i = 1; i < 9; i++)
        same &= s[i] == s[0];
    return !same && same_separators(raw) && memcmp(s + 3, "00", 2) != 0 &&
           memcmp(s + 5, "0000", 4) != 0 && memcmp(s, "000", 3) != 0 && memcmp(s, "666", 3) != 0 &&
           memcmp(s, "123456789", 9) != 0 && memcmp(s, "987654320", 9) != 0 &&
           memcmp(s, "078051120", 9) != 0;
}

static bool check_card(const char *s, int n)
{
    bool zero = true;

    for (int i = 0; i < n; i++)
        zero &= s[i] == '0';
    return !zero && !(n == 13 && s[0] == '1') && pii_luhn(s, n);
}

static bool check_mac(const char *s, slice raw)
{
    return same_separators(raw) && memcmp(s, "FFFFFFFFFFFF", 12) != 0 &&
           memcmp(s, "000000000000", 12) != 0;
}

/* Four numbers up to 255, without leading zeros beyond three digits; a prefix length up to 32. */
static bool check_ipv4(slice raw)
{
    int value = -1, part = 0;

    for (ptrdiff_t i = 0; i < raw.len; i++) {
        char c = raw.ptr[i];
        if (c >= '0' && c <= '9') {
            if (value == 0 && part < 4)
                return false; /* octal to some, decimal to others: no address to ipaddress */
            value = MAX(value, 0) * 10 + digit(c);
        } else {
            part++;
            value = -1;
        }
        if (value > (part == 4 ? 32 : 255))
            return false;
    }
    return true;
}

static bool check_group_not_zero(slice raw)
{
    ptrdiff_t zeros = 0, digits = 0;

    for (ptrdiff_t i = 0; i <= raw.len; i++) {
        bool is_digit = i < raw.len && raw.ptr[i] >= '0' && raw.ptr[i] <= '9';
        if (!is_digit) {
            if (digits >= 4 && zeros == digits)
                return false;
            zeros = digits = 0;
        } else {
            zeros += raw.ptr[i] == '0';
            digits++;
        }
    }
    return true;
}

/* ---- IBAN ---- */

/* ISO 13616 registry: what follows the check digits; a letters, n digits, c both. */
static const char *const iban_formats[] = {
    "AD n8c12",    "AE n19",    "AL n8c16",    "AT n16",     "AZ c4n20",   "BA n16",
    "BE n12",      "BG a4n6c8", "BH a4c14",    "BR n23a1c1", "BY c4n4c16", "CH n5c12",
    "CR n18",      "CY n8c16",  "CZ n20",      "DE n18",     "DK n14",     "DO a4n20",
    "EE n16",      "EG n25",    "ES n20",      "FI n14",     "FO n14",     "FR n10c11n2",
    "GB a4n14",    "GE c2n16",  "GI a4c15",    "GL n14",     "GR n7c16",   "GT c24",
    "HR n17",      "HU n24",    "IE c4n14",    "IL n19",     "IQ a4n15",   "IS n22",
    "IT a1n10c12", "JO a4n22",  "KW a4c22",    "KZ n3c13",   "LB n4c20",   "LC a4c24",
    "LI n5c12",    "LT n16",    "LU n3c13",    "LV a4c13",   "LY n21",     "MC n10c11n2",
    "MD c20",      "ME n18",    "MK n3c10n2",  "MR n23",     "MT a4n5c18", "MU a4n19a3",
    "NL a4n10",    "NO n11",    "PK c4n16",    "PL n24",     "PS c4n21",   "PT n21",
    "QA a4c21",    "RO a4c16",  "RS n18",      "SA n2c18",   "SC a4n20a3", "SE n20",
    "SI n15",      "SK n20",    "SM a1n10c12", "TL n19",     "TN n20",     "TR n5c17",
    "UA n6c19",    "VA n18",    "VG c4n16",    "XK n16",
};

int pii_iban_length(const char *s)
{
    for (ptrdiff_t k = 0; k < countof(iban_formats); k++) {
        const char *f = iban_formats[k];
        if (f[0] != s[0] || f[1] != s[1])
            continue;
        int length = 4, count = 0;
        for (f += 3; *f; f++) {
            if (*f > '9') {
                length += count;
                count = 0;
            } else {
                count = count * 10 + digit(*f);
            }
        }
        return length + count;
    }
    return 0;
}

static bool iban_format(const char *s, int n)
{
    for (ptrdiff_t k = 0; k < countof(iban_formats); k++) {
        const char *f = iban_formats[k];
        if (f[0] != s[0] || f[1] != s[1])
            continue;
        int at = 4;
        for (f += 3; *f;) {
            char kind = *f++;
            int count = 0;
            while (*f >= '0' && *f <= '9')
                count = count * 10 + digit(*f++);
            for (; count > 0; count--, at++)
                if (at >= n || (kind == 'n' && s[at] > '9') || (kind == 'a' && s[at] < 'A'))
                    return false;
        }
        return at == n;
    }
    return false;
}

bool pii_iban(const char *s, int n)
{
    int rest = 0;

    if (n < 15 || n > 34)
        return false;
    for (int i = 0; i < n; i++) {
        char c = s[(i + 4) % n];
        rest = c <= '9' ? (rest * 10 + digit(c)) % 97 : (rest * 100 + c - 'A' + 10) % 97;
    }
    return rest == 1 && iban_format(s, n);
}

/* ---- Bitcoin ---- */

static bool base58check(slice s)
{
    static const char alphabet[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    unsigned char number[25] = { 0 }, once[SHA256_BYTES], twice[SHA256_BYTES];

    for (ptrdiff_t i = 0; i < s.len; i++) {
        const char *at = strchr(alphabet, s.ptr[i]);
        if (!at || !s.ptr[i])
            return false;
        int carry = (int)(at - alphabet);
        for (int k = 24; k >= 0; k--) {
            carry += number[k] * 58;
            number[k] = (unsigned char)carry;
            carry >>= 8;
        }
        if (carry)
            return false;
    }
    sha256_of(slice_make((const char *)number, 21), once);
    sha256_of(slice_make((const char *)once, SHA256_BYTES), twice);
    return memcmp(twice, number + 21, 4) == 0;
}

static uint32_t bech32_step(uint32_t sum, uint32_t value)
{
    static const uint32_t generator[] = { 0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd,
                                          0x2a1462b3 };
    uint32_t top = sum >> 25;

    sum = (sum & 0x1FFFFFF) << 5 ^ value;
    for (int i = 0; i < 5; i++)
        if (top >> i & 1)
            sum ^= generator[i];
    return sum;
}

static bool bech32(slice s)
{
    static const char charset[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    uint32_t sum = 1;

    for (int i = 0; i < 2; i++)
        sum = bech32_step(sum, "bc"[i] >> 5);
    sum = bech32_step(sum, 0);
    for (int i = 0; i < 2; i++)
        sum = bech32_step(sum, "bc"[i] & 31);
    for (ptrdiff_t i = 3; i < s.len; i++) {
        const char *at = strchr(charset, s.ptr[i] | 0x20);
        if (!at || !s.ptr[i])
            return false;
        sum = bech32_step(sum, (uint32_t)(at - charset));
    }
    return sum == 1 || sum == 0x2bc830a3;
}

bool pii_bitcoin(slice s)
{
    if (s.len >= 14 && s.len <= 90 && (s.ptr[0] | 0x20) == 'b' && (s.ptr[1] | 0x20) == 'c' &&
        s.ptr[2] == '1')
        return bech32(s);
    return s.len >= 26 && s.len <= 35 && (s.ptr[0] == '1' || s.ptr[0] == '3') && base58check(s);
}

/* ---- telephone numbers: ITU-T E.164, country codes and the lengths of national numbers ---- */

bool pii_e164(const char *d, int n)
{
    static const char *const codes[] = {
        "1 10 10",  "7 10 10", "20 8 10",  "27 9 9",   "30 10 10", "31 9 9",   "32 8 9",
        "33 9 9",   "34 9 9",  "36 8 9",   "39 6 11",  "40 9 9",   "41 9 9",   "43 7 13",
        "44 9 10",  "45 8 8",  "46 7 10",  "47 8 8",   "48 9 9",   "49 6 13",  "51 8 9",
        "52 10 11", "53 8 8",  "54 10 11", "55 10 11", "56 9 9",   "57 8 10",  "58 10 10",
        "60 8 10",  "61 9 9",  "62 8 12",  "63 8 10",  "64 8 10",  "65 8 8",   "66 8 9",
        "81 9 10",  "82 8 11", "84 9 10",  "86 10 11", "90 10 10", "91 10 10", "92 9 10",
        "93 9 9",   "94 9 9",  "95 7 10",  "98 10 10",
    };

    for (ptrdiff_t i = 0; i < countof(codes); i++) {
        const char *c = codes[i];
        int k = 0, low = 0, high = 0;
        while (k < n && c[k] == d[k])
            k++;
        if (c[k] != ' ')
            continue;
        for (c += k + 1; *c != ' '; c++)
            low = low * 10 + digit(*c);
        for (c++; *c; c++)
            high = high * 10 + digit(*c);
        int national = n - k;
        /* A trunk zero in brackets, "+44 (0)20", counts for nothing. */
        if (national > 0 && d[k] == '0' && d[0] != '3')
            national--;
        return national >= low && national <= high;
    }
    /* Codes of three digits: 2xx, 35x-38x, 42x, 5xx, 6xx, 8xx, 9xx. */
    bool three =
        n > 3 && (d[0] == '2' || (d[0] == '3' && d[1] >= '5' && d[1] <= '8') ||
                  (d[0] == '4' && d[1] == '2') || (d[0] == '5' && (d[1] == '0' || d[1] == '9')) ||
                  (d[0] == '6' && d[1] >= '7') || (d[0] == '8' && (d[1] == '5' || d[1] == '8')) ||
                  (d[0] == '9' && (d[1] == '6' || d[1] == '7' || d[1] == '9')));
    return three && n - 3 >= 6 && n <= 15;
}

static bool check_e164(slice raw)
{
    char d[32];
    int n = 0, groups = 0;

    for (ptrdiff_t i = 0; i < raw.len && n < 32; i++) {
        bool is_digit = raw.ptr[i] >= '0' && raw.ptr[i] <= '9';
        if (is_digit)
            d[n++] = raw.ptr[i];
        groups += raw.ptr[i] == '(';
    }
    return groups <= 1 && pii_e164(d, n);
}

/* ---- all of them ---- */

bool pii_check(enum pii_check check, const char *s, int n, slice raw)
{
    switch (check) {
    case CHECK_NONE:
        return true;
    case CHECK_ABN:
        return (WEIGHTED(s, 10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19) - 10) % 89 == 0;
    case CHECK_ACN:
        return (10 - WEIGHTED(s, 8, 7, 6, 5, 4, 3, 2, 1) % 10) % 10 == digit(s[8]);
    case CHECK_AU_MEDICARE:
        return WEIGHTED(s, 1, 3, 7, 9, 1, 3, 7, 9) % 10 == digit(s[8]);
    case CHECK_TFN:
        return WEIGHTED(s, 1, 4, 3, 7, 5, 8, 6, 9, 10) % 11 == 0;
    case CHECK_SIN:
        return same_separators(raw) && pii_luhn(s, n);
    case CHECK_HETU:
        return check_hetu(s, raw);
    case CHECK_NOT_ZERO:
        for (int i = 0; i < n; i++)
            if (s[i] != '0')
                return true;
        return false;
    case CHECK_KVNR:
        return check_kvnr(s);
    case CHECK_ICAO731:
        return check_icao(s, n);
    case CHECK_LANR:
        return (10 - WEIGHTED(s, 4, 9, 4, 9, 4, 9) % 10) % 10 == digit(s[6]);
    case CHECK_PLZ:
        return memcmp(s, "01000", 5) != 0 && memcmp(s, "99999", 5) != 0;
    case CHECK_RVNR:
        return check_rvnr(s);
    case CHECK_STEUERID:
        return check_steuerid(s);
    case CHECK_DE_VAT:
        return mod_11_10(s + 2, 9);
    case CHECK_CPF:
        return check_cpf(s);
    case CHECK_CNPJ:
        return check_cnpj(s);
    case CHECK_CN_ID:
        return check_cn_id(s);
    case CHECK_MY_NUMBER:
        return check_my_number(s);
    case CHECK_NIR:
        return check_nir(s);
    case CHECK_AADHAAR:
        return check_aadhaar(s);
    case CHECK_GSTIN:
        return check_gstin(s);
    case CHECK_PAN_LOW:
        return check_pan_low(s, n);
    case CHECK_IT_VAT:
        return check_it_vat(s);
    case CHECK_BRN:
        return check_brn(s);
    case CHECK_KR_REGION:
        return two(s) >= 11 && two(s) <= 28 && two(s) != 27;
    case CHECK_VERHOEFF:
        return verhoeff(s, n);
    case CHECK_PH_TIN:
        return WEIGHTED(s, 9, 8, 7, 6, 5, 4, 3, 2) % 11 == digit(s[8]);
    case CHECK_PESEL:
        return (10 - WEIGHTED(s, 1, 3, 7, 9, 1, 3, 7, 9, 1, 3) % 10) % 10 == digit(s[10]);
    case CHECK_UEN:
        return check_uen(s, n);
    case CHECK_ZA_ID:
        return check_za_id(s);
    case CHECK_NIE:
        return check_nie(s, n);
    case CHECK_NIF:
        return check_nif(s, n);
    case CHECK_SE_ORG:
        return s[2] >= '2' && pii_luhn(s, 10);
    case CHECK_SE_PNR:
        return n >= 10 && n != 11 && check_se_pnr(s, n);
    case CHECK_THAI:
        return check_thai(s);
    case CHECK_TCKN:
        return check_tckn(s);
    case CHECK_UK_DRIVER:
        return check_uk_driver(s);
    case CHECK_NHS:
        return WEIGHTED(s, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1) % 11 == 0;
    case CHECK_NINO:
        return check_nino(s);
    case CHECK_UK_PLATE:
        return check_uk_plate(s, n);
    case CHECK_ABA:
        return WEIGHTED(s, 3, 7, 1, 3, 7, 1, 3, 7, 1) % 10 == 0;
    case CHECK_DEA:
        return check_dea(s);
    case CHECK_NPI:
        return check_npi(s);
    case CHECK_SSN:
        return check_ssn(s, raw);
    case CHECK_CARD:
        return check_card(s, n);
    case CHECK_MAC:
        return check_mac(s, raw);
    case CHECK_IPV4:
        return check_ipv4(raw);
    case CHECK_E164:
        return check_e164(raw);
    case CHECK_SAME_SEPARATORS:
        return same_separators(raw);
    case CHECK_NOT_0000:
        return check_group_not_zero(raw);
    }
    return false;
}
