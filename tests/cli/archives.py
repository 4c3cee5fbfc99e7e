#!/usr/bin/env python3
"""archives.py KIND FILE [NAME=TEXT...]: makes an archive for the tests of collect, byte by byte where
the standard library has no writer.

  tar cpio zip 7z   the named members with the given text
  evil-tar          links, a device, a FIFO, absolute names and names with ".."
  bomb-zip          one member of 256 MiB of zeros in the letter a
  sparse-tar        one member that claims a size of 1 TiB, nearly all hole
  many-tar          N members of a few bytes (NAME=TEXT is N=number)
"""
import binascii
import io
import struct
import sys
import tarfile
import zipfile


def cpio(members):
    out = b""
    for inode, (name, data) in enumerate(members + [("TRAILER!!!", b"")], 1):
        raw = name.encode() + b"\0"
        mode = 0o100644 if name != "TRAILER!!!" else 0
        fields = [inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(raw), 0]
        out += b"070701" + b"".join(b"%08x" % f for f in fields) + raw
        out += b"\0" * (-len(out) % 4) + data
        out += b"\0" * (-len(out) % 4)
    return out


def number(n):
    """7z's numbers; small ones are one byte, others here two or nine."""
    if n < 0x80:
        return bytes([n])
    if n < 0x4000:
        return bytes([0x80 | n >> 8, n & 0xff])
    return b"\xff" + struct.pack("<Q", n)


def seven_zip(members):
    """One folder with the Copy codec, one substream per member."""
    data = b"".join(d for _, d in members)
    names = b"\0" + b"".join(n.encode("utf-16-le") + b"\0\0" for n, _ in members)
    pack = b"\x06" + number(0) + number(1) + b"\x09" + number(len(data)) + b"\0"
    folder = b"\x0b" + number(1) + b"\0" + b"\x01\x01\x00"  # one coder, id of one byte: Copy
    unpack = b"\x07" + folder + b"\x0c" + number(len(data)) + b"\0"
    sizes = b"".join(number(len(d)) for _, d in members[:-1])
    crcs = b"".join(struct.pack("<I", binascii.crc32(d)) for _, d in members)
    sub = b"\x08\x0d" + number(len(members)) + (b"\x09" + sizes if len(members) > 1 else b"") + \
        b"\x0a\x01" + crcs + b"\0"
    header = b"\x01\x04" + pack + unpack + sub + b"\0" + \
        b"\x05" + number(len(members)) + b"\x11" + number(len(names)) + names + b"\0" + b"\0"
    start = struct.pack("<QQI", len(data), len(header), binascii.crc32(header))
    return b"7z\xbc\xaf\x27\x1c\x00\x04" + struct.pack("<I", binascii.crc32(start)) + start + data + header


def tar(members, **more):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", **more) as t:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            t.addfile(info, io.BytesIO(data))
    return out.getvalue()


def evil():
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as t:
        def add(name, kind=tarfile.REGTYPE, link="", data=b""):
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.size = kind, link, len(data)
            t.addfile(info, io.BytesIO(data))
        add("ok.txt", data=b"first")
        add("link", tarfile.SYMTYPE, "/etc/passwd")
        add("hard", tarfile.LNKTYPE, "ok.txt")
        add("device", tarfile.CHRTYPE)
        add("fifo", tarfile.FIFOTYPE)
        add("folder", tarfile.DIRTYPE)
        add("/tmp/absolute.txt", data=b"second")
        add("./a//b/./c.txt", data=b"third")
        add("../../outside.txt", data=b"no")
        add("a/../b.txt", data=b"no")
        add("tab\tand\x01.txt", data=b"fourth")
        add("last.txt", data=b"fifth")
    return out.getvalue()


def sparse():
    """An old GNU sparse member: 1 TiB, of which the last 512 bytes are data."""
    size = 1 << 40
    header = bytearray(512)
    header[0:8] = b"hole.txt"
    header[100:108] = b"0000644\0"
    header[124:136] = b"%011o\0" % 512
    header[136:148] = b"%011o\0" % 0
    header[156:157] = b"S"
    header[257:265] = b"ustar  \0"
    header[386:398] = b"\x80" + struct.pack(">Q", size - 512).rjust(11, b"\0")
    header[398:410] = b"%011o\0" % 512
    header[483:495] = b"\x80" + struct.pack(">Q", size).rjust(11, b"\0")
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    after = tar([("after.txt", b"after")])
    return bytes(header) + b"x" * 512 + after


def main():
    kind, path, *rest = sys.argv[1:]
    pairs = [a.split("=", 1) for a in rest]
    members = [(n, t.encode()) for n, t in pairs]
    if kind == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as z:
            for name, data in members:
                z.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
        return
    if kind == "bomb-zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as z:
            with z.open("a.txt", "w", force_zip64=True) as f:
                for _ in range(256):
                    f.write(b"a" * (1 << 20))
            z.writestr("after.txt", "after")
        return
    data = {"tar": lambda: tar(members), "cpio": lambda: cpio(members), "7z": lambda: seven_zip(members),
            "evil-tar": evil, "sparse-tar": sparse,
            "many-tar": lambda: tar([(f"m/{i}.txt", b"%d" % i) for i in range(int(rest[0].split("=")[1]))])}[kind]()
    with open(path, "wb") as f:
        f.write(data)


if __name__ == "__main__":
    main()
