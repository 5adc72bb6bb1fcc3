"""BIP 340 signatures over secp256k1 (01 §3.3), in affine coordinates."""

from .encoding import ZERO, big, require, tagged_hash

P = 2**256 - 2**32 - 977
N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
G = (
    0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
    0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
)


def point_add(a, b):
    if a is None or b is None:
        return a or b
    if a[0] == b[0] and a[1] != b[1]:
        return None
    slope = (3 * a[0] ** 2 * pow(2 * a[1], -1, P) if a == b else (b[1] - a[1]) * pow(b[0] - a[0], -1, P)) % P
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def point_mul(point, scalar):
    result = None
    while scalar:
        if scalar & 1:
            result = point_add(result, point)
        point, scalar = point_add(point, point), scalar >> 1
    return result


def lift_x(x):
    """The point with this x and an even y, or None."""
    square = (pow(x, 3, P) + 7) % P
    y = pow(square, (P + 1) // 4, P)
    return None if x >= P or y * y % P != square else (x, P - y if y & 1 else y)


def be32(number):
    return number.to_bytes(32, "big")


def even_secret(secret):
    """The point of a secret key, and the secret whose point has an even y and the same x."""
    require(1 <= big(secret) < N, "secret key out of range")
    point = point_mul(G, big(secret))
    return point, N - big(secret) if point[1] & 1 else big(secret)


def public_key(secret):
    return be32(even_secret(secret)[0][0])


def schnorr_challenge(r, key, message):
    return big(tagged_hash("BIP0340/challenge", r + key + message)) % N


def schnorr_sign(secret, message, aux=ZERO):
    point, d = even_secret(secret)
    key = be32(point[0])
    masked = be32(d ^ big(tagged_hash("BIP0340/aux", aux)))
    nonce = big(tagged_hash("BIP0340/nonce", masked + key + message)) % N
    nonce_point, k = even_secret(be32(nonce))
    r = be32(nonce_point[0])
    return r + be32((k + schnorr_challenge(r, key, message) * d) % N)


def schnorr_verify(key, message, signature):
    point, r, s = lift_x(big(key)), big(signature[:32]), big(signature[32:])
    if point is None or len(signature) != 64 or r >= P or s >= N:
        return False
    challenge = schnorr_challenge(signature[:32], key, message)
    result = point_add(point_mul(G, s), point_mul(point, N - challenge))
    return result is not None and result[1] % 2 == 0 and result[0] == r
