/* pii_check.h: check digits and structures of identifiers.
 *
 * Each check looks at a candidate that a pattern has found: `s` holds its letters (upper case) and
 * digits without separators, `n` of them, then a NUL; `raw` is the text itself. True: it may be one.
 *
 * Sources: the issuing authorities' rules as collected in presidio (MIT) and ISO 13616, ISO/IEC
 * 7064, ISO/IEC 7812, BIP 13, BIP 173, BIP 350, EIP 55.
 */
#ifndef PII_CHECK_H
#define PII_CHECK_H

#include "../base.h"

enum pii_check {
    CHECK_NONE,
    CHECK_ABN,
    CHECK_ACN,
    CHECK_AU_MEDICARE,
    CHECK_TFN,
    CHECK_SIN,
    CHECK_HETU,
    CHECK_NOT_ZERO,
    CHECK_KVNR,
    CHECK_ICAO731,
    CHECK_LANR,
    CHECK_PLZ,
    CHECK_RVNR,
    CHECK_STEUERID,
    CHECK_DE_VAT,
    CHECK_CPF,
    CHECK_CNPJ,
    CHECK_CN_ID,
    CHECK_MY_NUMBER,
    CHECK_NIR,
    CHECK_AADHAAR,
    CHECK_GSTIN,
    CHECK_PAN_LOW,
    CHECK_IT_VAT,
    CHECK_BRN,
    CHECK_KR_REGION,
    CHECK_VERHOEFF,
    CHECK_PH_TIN,
    CHECK_PESEL,
    CHECK_UEN,
    CHECK_ZA_ID,
    CHECK_NIE,
    CHECK_NIF,
    CHECK_SE_ORG,
    CHECK_SE_PNR,
    CHECK_THAI,
    CHECK_TCKN,
    CHECK_UK_DRIVER,
    CHECK_NHS,
    CHECK_NINO,
    CHECK_UK_PLATE,
    CHECK_ABA,
    CHECK_DEA,
    CHECK_NPI,
    CHECK_SSN,
    CHECK_CARD,
    CHECK_MAC,
    CHECK_IPV4,
    CHECK_E164,
    CHECK_SAME_SEPARATORS,
    CHECK_NOT_0000,
};

bool pii_check(enum pii_check check, const char *s, int n, slice raw);

bool pii_luhn(const char *s, int n);
/* How long the IBANs of a country are, which s begins with; 0: no such country. */
int pii_iban_length(const char *s);
/* Check digits, country and format; spaces and dashes are gone. */
bool pii_iban(const char *s, int n);
/* A Bitcoin address: base58 with its double SHA-256, or bech32/bech32m. */
bool pii_bitcoin(slice s);
/* Digits after "+": a known country code and a length that it has. */
bool pii_e164(const char *digits, int n);

#endif
