"""Bad certificates: the finding says what is wrong and still tells what the certificate said."""

import datetime as dt
import ssl
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.checks.http.fetching import asked, fetched
from tests.checks.http.looking import look
from tests.checks.http.raw import DAY, FUTURE, PAST, raw, says
from vedette.checks.finding import Verdict
from vedette.checks.http.reason import Reason
from vedette.checks.http.tls import TlsSettings, context
from vedette.checks.net import CouldNotLook

OK = says(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


async def seen(certificate: trustme.LeafCert, ca_file: str | None, host: str = "a.test"):
    async with raw(OK, certificate=certificate) as port:
        return await look(f"https://{host}:{port}/", timeout=1, ca_file=ca_file)


async def test_good(ca: trustme.CA, ca_file: str) -> None:
    """A good certificate's names and dates are facts."""
    finding = await seen(ca.issue_cert("a.test", "127.0.0.1", not_after=FUTURE), ca_file)

    assert finding.verdict is Verdict.OK, finding
    assert finding.facts["certificate_names"] == ("a.test", "127.0.0.1")
    assert finding.facts["certificate_not_after"] == FUTURE.timestamp()
    assert finding.facts["chain_not_after"] == FUTURE.timestamp()
    assert finding.facts["tls_version"] == "TLSv1.3"
    assert "trustme" in str(finding.facts["certificate_issuer"])
    assert "tls_seconds" in finding.facts


@pytest.mark.parametrize("cipher", ["ECDHE-RSA-AES256-SHA", "AES256-GCM-SHA384", "AES128-SHA"])
async def test_old_ciphers(ca: trustme.CA, ca_file: str, cipher: str) -> None:
    """A server that has nothing but what browsers and curl still speak is no outage."""
    leaf = ca.issue_cert("a.test", key_type=trustme.KeyType.RSA)
    async with raw(OK, certificate=leaf, cipher=cipher) as port:
        finding = await look(f"https://a.test:{port}/", timeout=1, ca_file=ca_file)

    assert finding.verdict is Verdict.OK, finding
    assert finding.facts["tls_cipher"] == cipher


async def test_expired(ca: trustme.CA, ca_file: str) -> None:
    """An expired certificate is tls_expired, with the day."""
    leaf = ca.issue_cert("a.test", not_before=PAST - DAY, not_after=PAST)
    finding = await seen(leaf, ca_file)

    assert (finding.verdict, finding.reason) == (Verdict.FAILING, Reason.TLS_EXPIRED)
    assert "the certificate expired on 2020-01-01 00:00 UTC" in finding.detail
    assert finding.facts["certificate_not_after"] == PAST.timestamp()
    assert finding.facts["certificate_names"] == ("a.test",)
    assert finding.facts["phase"] == "tls"


def renewed(ca: trustme.CA, not_after: dt.datetime) -> bytes:
    """Return the certificate of *ca*, in PEM, as if it ended at *not_after*."""
    before = x509.load_pem_x509_certificate(ca.cert_pem.bytes())
    key = serialization.load_pem_private_key(ca.private_key_pem.bytes(), None)
    made = (
        x509.CertificateBuilder()
        .subject_name(before.subject)
        .issuer_name(before.issuer)
        .public_key(before.public_key())
        .serial_number(1)
        .not_valid_before(not_after - DAY)
        .not_valid_after(not_after)
    )
    for extension in before.extensions:
        made = made.add_extension(extension.value, extension.critical)
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


async def test_expired_authority(ca: trustme.CA, tmp_path: Path) -> None:
    """Where the authority that is trusted has expired, it is not the server's certificate."""
    path = tmp_path / "old.pem"
    path.write_bytes(renewed(ca, PAST))
    finding = await seen(ca.issue_cert("a.test", not_after=FUTURE), str(path))

    assert finding.reason is Reason.TLS_EXPIRED
    assert "the authority that we trust for it expired on 2020-01-01 00:00 UTC" in finding.detail


async def test_expired_beside_another(ca: trustme.CA, ca_file: str) -> None:
    """Of two certificates that have expired the one that nobody needs is not to blame."""
    leaf = ca.issue_cert("a.test", not_before=PAST - DAY, not_after=PAST)
    more = [renewed(ca, PAST - DAY)]
    both = trustme.LeafCert(leaf.private_key_pem.bytes(), leaf.cert_chain_pems[0].bytes(), more)
    finding = await seen(both, ca_file)

    assert finding.reason is Reason.TLS_EXPIRED
    assert "the certificate expired on 2020-01-01 00:00 UTC" in finding.detail


async def test_not_yet_valid(ca: trustme.CA, ca_file: str) -> None:
    """A certificate of the future is tls_expired too, and the detail says which it is."""
    leaf = ca.issue_cert("a.test", not_before=FUTURE - DAY, not_after=FUTURE)
    finding = await seen(leaf, ca_file)

    assert finding.reason is Reason.TLS_EXPIRED
    assert "not valid yet" in finding.detail
    assert finding.facts["certificate_not_after"] == FUTURE.timestamp()


@pytest.mark.parametrize("host", ["b.test", "127.0.0.1", "a.a.test"])
async def test_other_name(ca: trustme.CA, ca_file: str, host: str) -> None:
    """A certificate for other names is tls_name, and the detail says for which."""
    leaf = ca.issue_cert("a.test", "*.test.test", "c.test", "d.test", "e.test")
    finding = await seen(leaf, ca_file, host)

    assert finding.reason is Reason.TLS_NAME
    names = "a.test, *.test.test, c.test and 2 more"
    assert f"the certificate is for {names}, not for {host}" in finding.detail
    assert finding.facts["certificate_names"][0] == "a.test"


async def test_address_as_host_name(ca: trustme.CA, ca_file: str) -> None:
    """A certificate that has our address as a host name does not say that it is for another."""
    leaf = spoilt(ca.issue_cert("127-0-0-1"), b"127-0-0-1", b"127.0.0.1")
    finding = await seen(leaf, ca_file, "127.0.0.1")

    assert finding.reason is Reason.TLS_NAME
    assert "has 127.0.0.1 as a host name, not as an address" in finding.detail


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("my_app.shop.test", None),
        ("MY_APP.shop.test.", None),
        ("my_app.example.test", Reason.TLS_NAME),
        ("a.my_app.shop.test", Reason.TLS_NAME),
        ("my_app.test", Reason.TLS_NAME),
    ],
)
async def test_underscore(ca: trustme.CA, ca_file: str, host: str, reason: Reason | None) -> None:
    """A wildcard is for a name with an underscore too, as browsers and Go have it."""
    leaf = ca.issue_cert("*.shop.test", "*.test")
    trusted, untrusted = await seen(leaf, ca_file, host), await seen(leaf, None, host)

    assert trusted.reason is reason, trusted
    assert trusted.facts["certificate_names"] == ("*.shop.test", "*.test")
    assert untrusted.reason is Reason.TLS_UNTRUSTED


async def test_absolute_name(ca: trustme.CA, ca_file: str) -> None:
    """A name that ends with the root's dot is the same name."""
    async with raw(OK, certificate=ca.issue_cert("a.test")) as port:
        request = {"tls": TlsSettings(ca_file=ca_file, server_name="a.test."), "protocols": HTTP1}
        response, _ = await fetched(f"https://b.test:{port}/", **request)

    assert response.status == 200


@pytest.mark.parametrize("name", [".a.test", "a..test", f"{'a' * 64}.test", "a\0b", "."])
async def test_no_name_at_all(name: str) -> None:
    """A name that cannot be asked for is ours to mend, and is told."""
    async with raw(OK, certificate=trustme.CA().issue_cert("a.test")) as port:
        fetch = asked(f"https://b.test:{port}/", tls=TlsSettings(server_name=name))
        with pytest.raises(CouldNotLook, match="is no name that TLS can ask for"):
            await fetch.run()


async def test_common_name(ca: trustme.CA, ca_file: str) -> None:
    """A certificate that has our name as its common name only is tls_name, as for browsers."""
    finding = await seen(ca.issue_cert(common_name="a.test"), ca_file)

    assert finding.reason is Reason.TLS_NAME
    assert "the certificate of CN=a.test" in finding.detail
    assert "has no alternative names, so it is not for a.test" in finding.detail


@pytest.mark.parametrize("system", [True, False], ids=["system store", "ca_file"])
async def test_unknown_issuer(ca_file: str, system: bool) -> None:
    """A certificate of an authority we do not know is tls_untrusted."""
    stranger = trustme.CA().issue_cert("a.test")
    finding = await seen(stranger, None if system else ca_file)

    assert finding.reason is Reason.TLS_UNTRUSTED
    assert "trustme" in finding.detail
    assert finding.facts["certificate_names"] == ("a.test",)


async def test_control_characters(ca: trustme.CA, ca_file: str) -> None:
    """What a certificate says reaches a terminal and a page as one line that they can show."""
    finding = await seen(spoilt(ca.issue_cert("a.test"), b"a.test", b"\x1b[2J\n!"), ca_file)

    assert "the certificate is for ?[2J?!, not for a.test" in finding.detail


def for_clients(ca: trustme.CA) -> trustme.LeafCert:
    """Return a certificate that a client may show, and a server may not."""
    leaf = ca.issue_cert("a.test")
    before = x509.load_pem_x509_certificate(leaf.cert_chain_pems[0].bytes())
    made = (
        x509.CertificateBuilder()
        .subject_name(before.subject)
        .issuer_name(before.issuer)
        .public_key(before.public_key())
        .serial_number(1)
        .not_valid_before(PAST)
        .not_valid_after(FUTURE)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
    )
    key = serialization.load_pem_private_key(ca.private_key_pem.bytes(), None)
    pem = made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    return trustme.LeafCert(leaf.private_key_pem.bytes(), pem, [])


@pytest.mark.parametrize("chained", [False, True])
async def test_a_chain_that_is_not_shown(chained: bool, ca_file: str) -> None:
    """That the intermediate lacks is told from an issuer that nobody knows."""
    leaf = trustme.CA().create_child_ca().issue_cert("a.test")
    shown = leaf.cert_chain_pems if chained else leaf.cert_chain_pems[:1]
    pem, *rest = [one.bytes() for one in shown]

    finding = await seen(trustme.LeafCert(leaf.private_key_pem.bytes(), pem, rest), ca_file)

    assert finding.reason is Reason.TLS_UNTRUSTED
    assert ("the server shows no intermediate" in finding.detail) is not chained


async def test_other_purpose(ca: trustme.CA, ca_file: str) -> None:
    """A certificate that is refused for what it is made for is not trusted, as any that is bad."""
    finding = await seen(for_clients(ca), ca_file)

    assert finding.reason is Reason.TLS_UNTRUSTED
    assert "unsuitable certificate purpose" in finding.detail


def self_signed(folder: Path) -> trustme.LeafCert:
    """Return a certificate as a home router makes it: no CA flag, no key identifiers, no usages."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "router")])
    start = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(FUTURE)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("a.test")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    (folder / "self.pem").write_bytes(pem)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return trustme.LeafCert(private, pem, [])


def spoilt(leaf: trustme.LeafCert, old: bytes, new: bytes) -> trustme.LeafCert:
    """Return *leaf* with other octets, which leaves its signature wrong."""
    der = ssl.PEM_cert_to_DER_cert(leaf.cert_chain_pems[0].bytes().decode())
    assert old in der
    pem = ssl.DER_cert_to_PEM_cert(der.replace(old, new, 1)).encode()
    return trustme.LeafCert(leaf.private_key_pem.bytes(), pem, [])


async def unverified(leaf: trustme.LeafCert):
    async with raw(OK, certificate=leaf) as port:
        return await look(f"https://a.test:{port}/", timeout=1, verify=False)


async def test_serial_below_zero(ca: trustme.CA) -> None:
    """A serial number that no certificate should have spoils no look (RFC 5280 4.1.2.2)."""
    leaf = ca.issue_cert("a.test")
    number = x509.load_pem_x509_certificate(leaf.cert_chain_pems[0].bytes()).serial_number
    octets = number.to_bytes(number.bit_length() // 8 + 1)
    finding = await unverified(spoilt(leaf, octets, bytes([octets[0] | 0x80]) + octets[1:]))

    assert finding.verdict is Verdict.OK, finding
    assert int(str(finding.facts["certificate_serial"]), 16) > 0


async def test_name_that_is_no_text(ca: trustme.CA) -> None:
    """A certificate whose name is a string of bits is one of which nothing is told."""
    leaf = ca.issue_cert("a.test", common_name="\0bits")
    finding = await unverified(spoilt(leaf, b"\x0c\x05\0bits", b"\x03\x05\0bits"))

    assert finding.verdict is Verdict.OK, finding
    assert "certificate_subject" not in finding.facts


async def test_self_signed(tmp_path: Path, ca_file: str) -> None:
    """A self-signed certificate is tls_untrusted, until it is named as the anchor itself."""
    leaf = self_signed(tmp_path)
    refused = await seen(leaf, ca_file)
    accepted = await seen(leaf, str(tmp_path / "self.pem"))

    assert refused.reason is Reason.TLS_UNTRUSTED
    assert "self-signed" in refused.detail
    assert refused.facts["certificate_subject"] == "CN=router"
    assert accepted.verdict is Verdict.OK, accepted


async def test_intermediate(ca: trustme.CA, ca_file: str) -> None:
    """A chain through an intermediate is verified, and its earliest end is a fact."""
    leaf = ca.create_child_ca().issue_cert("a.test", not_after=FUTURE)
    finding = await seen(leaf, ca_file)

    assert finding.verdict is Verdict.OK, finding
    assert len(leaf.cert_chain_pems) == 2
    assert finding.facts["chain_not_after"] == FUTURE.timestamp()


async def test_missing_intermediate(ca: trustme.CA, ca_file: str) -> None:
    """A server that forgets its intermediate is tls_untrusted, as most clients would find."""
    leaf = ca.create_child_ca().issue_cert("a.test")
    alone = trustme.LeafCert(leaf.private_key_pem.bytes(), leaf.cert_chain_pems[0].bytes(), [])

    assert (await seen(alone, ca_file)).reason is Reason.TLS_UNTRUSTED


HTTP1 = ("http/1.1",)


def test_one_context_each(ca_file: str) -> None:
    """A context is built once for each setting and offer, whatever the name, never per probe."""
    one = context(TlsSettings(ca_file=ca_file), HTTP1)

    assert context(TlsSettings(ca_file=ca_file, server_name="a.test"), HTTP1) is one
    assert context(TlsSettings(ca_file=ca_file), ("h2", "http/1.1")) is not one
    assert context(TlsSettings(), HTTP1) is context(TlsSettings(), HTTP1) is not one


@pytest.mark.parametrize("content", [None, "no certificate\n"], ids=["missing", "not PEM"])
def test_unusable_files(tmp_path: Path, content: str | None) -> None:
    """A file that cannot be read is an error when the check is built, with the file's name."""
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)

    with pytest.raises(ValueError, match=r"cannot read certificates from .*ca\.pem"):
        context(TlsSettings(ca_file=str(path)), HTTP1)
    with pytest.raises(ValueError, match=r"cannot use the client certificate .*ca\.pem"):
        context(TlsSettings(cert_file=str(path)), HTTP1)
