"""Real replies as they came over the wire: of BIND 9.18 with a signed zone, and of Unbound 1.17."""

from base64 import b64decode
from dataclasses import dataclass

from vedette.checks.dns.message import Question, ask


@dataclass(frozen=True)
class Recorded:
    """A reply and the question that it was given to."""

    question: Question
    wire: bytes


def _recorded(name: str, rdtype: str, text: str) -> Recorded:
    return Recorded(ask(name, rdtype, recursive=False, dnssec_ok=True), b64decode(text))


RECORDED = {
    "two addresses, signed": _recorded(
        "api.example.com",
        "A",
        "EjSEAAABAAMAAwAFA2FwaQdleGFtcGxlA2NvbQAAAQABwAwAAQABAAABLAAEwAACAsAMAAEAAQAAASwABMAAAg"
        "HADAAuAAEAAAEsAF8AAQ0DAAABLGspRaJrAbiigMwHZXhhbXBsZQNjb20A//w0G8nSkvDgItGJyX+ieCNycJYs"
        "D3IVRXpx33vaJ1j7AjF7F0+BfMDw84fAXfF/+I6iXmtEmQGHIjESAenq48BfAAIAAQAAASwABgNuczHAX8BfAA"
        "IAAQAAASwABgNuczLAX8BfAC4AAQAAASwAXwACDQIAAAEsaylFomsBuKKAzAdleGFtcGxlA2NvbQBHJklO66Em"
        "dNVRZvAZm1cD3UgjHPEBq9kQDaXcztKWhkXtOm84cONWuzJb7M6ZxqmOdA3rgb5tOChF87GpWsZ3wLgAAQABAA"
        "ABLAAEfwAAAcDKAAEAAQAAASwABH8AAALAuAAuAAEAAAEsAF8AAQ0DAAABLGspRaJrAbiigMwHZXhhbXBsZQNj"
        "b20AAirlSml9LzDUp9vnuH4baztQJ3SgyEJ+x9eXXRxG+X2v9MEBKbxM087HavzJDSLdkwrArWdD78HnZjBdHm"
        "idQcDKAC4AAQAAASwAXwABDQMAAAEsaylFomsBuKKAzAdleGFtcGxlA2NvbQDcicnQ22IbBNujeXdnJk3Y21ji"
        "7HX0eBDFkdVDD0uIDw4rhd11yI5aB0NsheM31QbcWlTZwVLgCS8PHAfSA/HuAAApBNAAAIAAAAsAAwAHbnMxLm"
        "ZyYQ==",
    ),
    "a CNAME, signed": _recorded(
        "www.example.com",
        "A",
        "EjSEAAABAAQAAwAFA3d3dwdleGFtcGxlA2NvbQAAAQABwAwABQABAAABLAAHBHBvb2zAEMAMAC4AAQAAASwAXw"
        "AFDQMAAAEsaylFomsBuKKAzAdleGFtcGxlA2NvbQAxBsCULUPyyFY8gn7pmoFT7dJJHMmEthQQGUFDBcFxZBLp"
        "T/mOsw/nBkq8oqeaD7SSBcsBZyy7vIIkf7PXJVyIwC0AAQABAAABLAAEwAACB8AtAC4AAQAAASwAXwABDQMAAA"
        "EsaylFomsBuKKAzAdleGFtcGxlA2NvbQBJK49x2PVJthDO48oSGmV6fQLwIGwlwisJc//VMWs1eKvEeen10uyt"
        "+4SU+q+8NsxxzgT+b3qsjgLjk8FWmIB3wM0AAgABAAABLAAGA25zMsDNwM0AAgABAAABLAAGA25zMcDNwM0ALg"
        "ABAAABLABfAAINAgAAASxrKUWiawG4ooDMB2V4YW1wbGUDY29tAEcmSU7roSZ01VFm8BmbVwPdSCMc8QGr2RAN"
        "pdzO0paGRe06bzhw41a7MlvszpnGqY50DeuBvm04KEXzsalaxnfBOAABAAEAAAEsAAR/AAABwSYAAQABAAABLA"
        "AEfwAAAsE4AC4AAQAAASwAXwABDQMAAAEsaylFomsBuKKAzAdleGFtcGxlA2NvbQACKuVKaX0vMNSn2+e4fhtr"
        "O1AndKDIQn7H15ddHEb5fa/0wQEpvEzTzsdq/MkNIt2TCsCtZ0PvwedmMF0eaJ1BwSYALgABAAABLABfAAENAw"
        "AAASxrKUWiawG4ooDMB2V4YW1wbGUDY29tANyJydDbYhsE26N5d2cmTdjbWOLsdfR4EMWR1UMPS4gPDiuF3XXI"
        "jloHQ2yF4zfVBtxaVNnBUuAJLw8cB9ID8e4AACkE0AAAgAAACwADAAduczEuZnJh",
    ),
    "a DNAME with its CNAME, signed": _recorded(
        "a.old.example.com",
        "A",
        "EjSEAAABAAUAAwAFAWEDb2xkB2V4YW1wbGUDY29tAAABAAHADgAnAAEAAAEsABEDbmV3B2V4YW1wbGUDY29tAM"
        "AOAC4AAQAAASwAXwAnDQMAAAEsaylFomsBuKKAzAdleGFtcGxlA2NvbQB0AJRJjw8u6icwVfiwMi41TMAXmcb+"
        "GZTvljOA1lx3SeDCktwe4GsF3jo+uGXEgDlfAmMYDHbZABhSV6k/9wYpwAwABQABAAABLAAEAWHAL8C3AAEAAQ"
        "AAASwABMAAAgnAtwAuAAEAAAEsAF8AAQ0EAAABLGspRaJrAbiigMwHZXhhbXBsZQNjb20AdNymzsQGRORiEHgk"
        "xTJtJbE+qIp5y4tZDu/UtbKY//UoiToz90yVj9hMkSiOo5RmJQnWJtQvanAWfbyAY93ZrMDpAAIAAQAAASwABg"
        "NuczLA6cDpAAIAAQAAASwABgNuczHA6cDpAC4AAQAAASwAXwACDQIAAAEsaylFomsBuKKAzAdleGFtcGxlA2Nv"
        "bQBHJklO66EmdNVRZvAZm1cD3UgjHPEBq9kQDaXcztKWhkXtOm84cONWuzJb7M6ZxqmOdA3rgb5tOChF87GpWs"
        "Z3wVQAAQABAAABLAAEfwAAAcFCAAEAAQAAASwABH8AAALBVAAuAAEAAAEsAF8AAQ0DAAABLGspRaJrAbiigMwH"
        "ZXhhbXBsZQNjb20AAirlSml9LzDUp9vnuH4baztQJ3SgyEJ+x9eXXRxG+X2v9MEBKbxM087HavzJDSLdkwrArW"
        "dD78HnZjBdHmidQcFCAC4AAQAAASwAXwABDQMAAAEsaylFomsBuKKAzAdleGFtcGxlA2NvbQDcicnQ22IbBNuj"
        "eXdnJk3Y21ji7HX0eBDFkdVDD0uIDw4rhd11yI5aB0NsheM31QbcWlTZwVLgCS8PHAfSA/HuAAApBNAAAIAAAA"
        "sAAwAHbnMxLmZyYQ==",
    ),
    "no such type, with proof": _recorded(
        "api.example.com",
        "MX",
        "EjSEAAABAAAABAABA2FwaQdleGFtcGxlA2NvbQAADwABwBAABgABAAAAPAAhA25zMcAQBGhvc3TAEAAAAAEAAA"
        "4QAAACWAABUYAAAAA8wBAALgABAAAAPABfAAYNAgAAASxrKUWiawG4ooDMB2V4YW1wbGUDY29tAPFC3D4TT3aF"
        "kgM8yd9YIUTCL2RTslBc7vaHsNdFptmccMPjNn8H7sxMbyWoD0V4LOv3oF9DpakvfghuE1CiPX/ADAAvAAEAAA"
        "A8ABsFY2hpbGQHZXhhbXBsZQNjb20AAAZAAAAAAAPADAAuAAEAAAA8AF8ALw0DAAAAPGspRaJrAbiigMwHZXhh"
        "bXBsZQNjb20Ajfr4aNXLxnmqmNM4GXVsH+7c3mWpzwgr1SUvPlvqyRDliqhhltioe/4WvCff+ExycFglIfmiln"
        "cDV8NguG9yVAAAKQTQAACAAAALAAMAB25zMS5mcmE=",
    ),
    "no such name, with proof": _recorded(
        "gone.example.com",
        "A",
        "EjSEAwABAAAABgABBGdvbmUHZXhhbXBsZQNjb20AAAEAAcARAAYAAQAAADwAIQNuczHAEQRob3N0wBEAAAABAA"
        "AOEAAAAlgAAVGAAAAAPMARAC4AAQAAADwAXwAGDQIAAAEsaylFomsBuKKAzAdleGFtcGxlA2NvbQDxQtw+E092"
        "hZIDPMnfWCFEwi9kU7JQXO72h7DXRabZnHDD4zZ/B+7MTG8lqA9FeCzr96BfQ6WpL34IbhNQoj1/wG0ALwABAA"
        "AAPAAaA2FwaQdleGFtcGxlA2NvbQAAByIAAAAAA4DAygAuAAEAAAA8AF8ALw0CAAAAPGspRaJrAbiigMwHZXhh"
        "bXBsZQNjb20ANxYGQIWTwKX327IB7pm7iWAijlRrG4QFRE/R7cmrUTuNOOCyI3IV0qPh6Ap/naZnElKuUEVmEm"
        "bRDwql/SECRAVjaGlsZMD+AC8AAQAAADwAGwFhA25ldwdleGFtcGxlA2NvbQAABiAAAAAAE8FLAC4AAQAAADwA"
        "XwAvDQMAAAA8aylFomsBuKKAzAdleGFtcGxlA2NvbQBsQ2/LqDZSXnN52to8BVDvKv5l0AqliO6CHLuUZBAYsi"
        "5Xu4I4D9fGSX0sq8jcsaS9pJDm0ejsdLgRZV83Cf+GAAApBNAAAIAAAAsAAwAHbnMxLmZyYQ==",
    ),
    "a referral with DS": _recorded(
        "child.example.com",
        "NS",
        "EjSAAAABAAAAAwACBWNoaWxkB2V4YW1wbGUDY29tAAACAAHADAACAAEAAAEsAAUCbnPADMAMACsAAQAAASwAJD"
        "A5DQIBI0VniQEjRWeJASNFZ4kBI0VniQEjRWeJASNFZ4kBI8AMAC4AAQAAASwAXwArDQMAAAEsaylFomsBuKKA"
        "zAdleGFtcGxlA2NvbQBv+yaKUvlWqGfo/cLiEnJklvn6xJZeXScWZjNQ3OCFE9nG7N9rjBMgTb7xcgCxlFZACO"
        "5Rni+H1jlPapwdRWy8wC8AAQABAAABLAAEfwAAAwAAKQTQAACAAAALAAMAB25zMS5mcmE=",
    ),
    "service bindings": _recorded(
        "svc.example.com",
        "HTTPS",
        "EjSEAAABAAIAAwAFA3N2YwdleGFtcGxlA2NvbQAAQQABwAwAQQABAAABLAAVAAEAAAEABgJoMgJoMwAEAATAAA"
        "IFwAwALgABAAABLABfAEENAwAAASxrKUWiawG4ooDMB2V4YW1wbGUDY29tAMP/O8EcDfGWrTuNXbrcygsTOrT3"
        "tFmlehorvMK4GXQmBo/JnROKT5djN+XhJ+Ui0fobOvmmW3Pt2sRJR/2EesbAYAACAAEAAAEsAAYDbnMywGDAYA"
        "ACAAEAAAEsAAYDbnMxwGDAYAAuAAEAAAEsAF8AAg0CAAABLGspRaJrAbiigMwHZXhhbXBsZQNjb20ARyZJTuuh"
        "JnTVUWbwGZtXA91IIxzxAavZEA2l3M7SloZF7TpvOHDjVrsyW+zOmcapjnQN64G+bTgoRfOxqVrGd8DLAAEAAQ"
        "AAASwABH8AAAHAuQABAAEAAAEsAAR/AAACwMsALgABAAABLABfAAENAwAAASxrKUWiawG4ooDMB2V4YW1wbGUD"
        "Y29tAAIq5UppfS8w1Kfb57h+G2s7UCd0oMhCfsfXl10cRvl9r/TBASm8TNPOx2r8yQ0i3ZMKwK1nQ+/B52YwXR"
        "5onUHAuQAuAAEAAAEsAF8AAQ0DAAABLGspRaJrAbiigMwHZXhhbXBsZQNjb20A3InJ0NtiGwTbo3l3ZyZN2NtY"
        "4ux19HgQxZHVQw9LiA8OK4XddciOWgdDbIXjN9UG3FpU2cFS4AkvDxwH0gPx7gAAKQTQAACAAAALAAMAB25zMS"
        "5mcmE=",
    ),
    "validated by a resolver": _recorded(
        "api.example.com",
        "A",
        "EjSBoAABAAIAAAABA2FwaQdleGFtcGxlA2NvbQAAAQABwAwAAQABAAABLAAEwAACAsAMAAEAAQAAASwABMAAAg"
        "EAACkE0AAAAAAACwADAAd1YjEuZnJh",
    ),
    "a resolver's SERVFAIL with an extended error": _recorded(
        "api.example.com",
        "A",
        "EjSBggABAAAAAAABA2FwaQdleGFtcGxlA2NvbQAAAQABAAApBNAAAAAAABEAAwAHdWIxLmZyYQAPAAIACQ==",
    ),
}
