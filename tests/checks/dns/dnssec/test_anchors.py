"""Where trust begins."""

from pathlib import Path

import dns.name
import pytest

from tests.servers.signed import new_key
from vedette.checks.dns.dnssec.anchors import ROOT_ANCHORS, read_anchors

# The Key Signing Key of the root that signed from 2018 on (KSK-2017), as IANA publishes it.
KSK_2017 = (
    ". IN DNSKEY 257 3 8 AwEAAaz/tAm8yTn4Mfeh5eyI96WSVexTBAvkMgJzkKTOiW1vkIbzxeF3+/4RgWOq7HrxRixH"
    "lFlExOLAJr5emLvN7SWXgnLh4+B5xQlNVz8Og8kvArMtNROxVQuCaSnIDdD5LKyWbRd2n9WGe2R8PzgCmr3EgVLrjyBx"
    "WezF0jLHwVN8efS3rCj/EWgvIWgb9tarpVUDK/b58Da+sqqls3eNbuv7pr+eoZG+SrDK6nWeL3c6H5Apxz7LjVc1uTId"
    "sIXxuOLYA4/ilBmSVIzuDWfdRUfhHdY6+cn8HFRm+2hM8AnXGXws9555KrUB5qihylGa8subX2Nn6UwNR1AkUTV74bU="
)


def test_root(tmp_path: Path) -> None:
    """The anchors built in are those of IANA: that of KSK-2017 is the digest of its public key."""
    (ds,) = ROOT_ANCHORS.values()
    assert sorted((r.key_tag, r.algorithm, r.digest_type) for r in ds) == [
        (20326, 8, 2),
        (38696, 8, 2),
    ]
    path = tmp_path / "root.key"
    path.write_text(KSK_2017 + "\n")
    (record,) = read_anchors(path)[dns.name.root]
    assert record in ds


def test_any_zones(tmp_path: Path) -> None:
    """A file holds DS and DNSKEY records of any zones, and both forms of one key are one anchor."""
    lab, shop = new_key(tmp_path, "lab"), new_key(tmp_path, "shop.test")
    path = tmp_path / "anchors"
    path.write_text(f"; of our own\n{lab.ds()}\n{lab.record}\n{shop.ds('SHA-384')}\n")
    anchors = read_anchors(path)
    assert {str(zone): [r.key_tag for r in ds] for zone, ds in anchors.items()} == {
        "lab.": [lab.tag],
        "shop.test.": [shop.tag],
    }


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "has no DS or DNSKEY record"),
        ("lab. DS 1 13 2 (", "anchors: "),
        ("lab. DS 1 13 2 00", "anchors: "),
        ("lab. A 192.0.2.1", "A is neither a DS nor a DNSKEY record"),
        (f"lab. DS 1 200 2 {'0' * 64}", "those of lab are of unknown algorithms"),
        ("\udcff", "anchors: "),
    ],
)
def test_refused(tmp_path: Path, text: str, says: str) -> None:
    """A file that cannot be read, or trusts nothing, is refused in one sentence that names it."""
    path = tmp_path / "anchors"
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(ValueError, match=says) as caught:
        read_anchors(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing(tmp_path: Path) -> None:
    """A file that is not there is refused by name."""
    with pytest.raises(ValueError, match="nowhere"):
        read_anchors(tmp_path / "nowhere")
