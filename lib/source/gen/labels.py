#!/usr/bin/env python3
"""labels.py > ../label_table.inc: the charset labels of the WHATWG Encoding Standard and what iconv
calls their encodings. Needs the package webencodings, which carries the standard's table."""
from webencodings.labels import LABELS

ICONV = {
    "utf-8": "UTF-8", "utf-16le": "UTF-16LE", "utf-16be": "UTF-16BE", "ibm866": "CP866",
    "iso-8859-8-i": "ISO-8859-8", "macintosh": "MACINTOSH", "x-mac-cyrillic": "MAC-CYRILLIC",
    "gbk": "GB18030", "gb18030": "GB18030", "big5": "BIG5-HKSCS", "euc-jp": "EUC-JP",
    "iso-2022-jp": "ISO-2022-JP", "shift_jis": "CP932", "euc-kr": "CP949", "windows-874": "CP874",
}


def iconv(name):
    if name in ICONV:
        return ICONV[name]
    if name.startswith("windows-"):
        return "CP" + name[8:]
    return name.upper()


print("/* Made by gen/labels.py from the WHATWG Encoding Standard; sorted by label. */")
for label, name in sorted(LABELS.items(), key=lambda item: item[0].encode()):
    if name in ("replacement", "x-user-defined"):
        continue
    print(f'{{ "{label}", "{name}", "{iconv(name)}" }},')
