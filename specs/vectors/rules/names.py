"""06: the form of names, their phases and prices."""

from .encoding import SUPPLY, Bytes, require, tagged_hash

SPECIAL_USE = "alt arpa example internal invalid local localhost onion test".split()


def check_name(name):
    """06 §1."""
    require(1 <= len(name) <= 63, "name: length")
    require(all(c in "abcdefghijklmnopqrstuvwxyz0123456789-" for c in name), "name: character")
    require(name[0] != "-" and name[-1] != "-" and name[2:4] != "--", "name: hyphen")
    require(not all(c in "0123456789" for c in name), "name: all digits")
    require(len(name) <= 32 or "-" in name, "name: long without hyphen")
    require(name not in SPECIAL_USE, "name: special use")


class NameText:
    """A name as a bounded byte vector; one that breaks 06 §1 is not a value of the type."""

    def encode(self, name):
        check_name(name)
        return Bytes(63).encode(name.encode())

    def read(self, reader):
        raw = Bytes(63).read(reader)
        check_name(raw.decode("latin-1"))
        return raw.decode()


def commitment(name, account, salt):
    return tagged_hash("sapwood/commitment", NameText().encode(name) + account + salt)


def phase(consensus, owner, paid_until, height):
    """06 §2.2, of a name with a leaf."""
    if owner is None:
        end = paid_until + consensus["premium_step"] * consensus["premium_steps"]
        return "released" if height < end else "available"
    if height < paid_until:
        return "active"
    return "suspended" if height < paid_until + consensus["suspension"] else "released"


def rent(rent_base, name):
    """06 §7.1: drops for a year."""
    return max(rent_base * {1: 4096, 2: 1024, 3: 128, 4: 32}.get(len(name), 1) >> 32, 1)


def premium(consensus, year_rent, release, height):
    """06 §7.2: drops beside the rent; `release` is `paid_until` of the leaf without owner, and not above `height`."""
    if phase(consensus, None, release, height) != "released":
        return 0
    return (year_rent << consensus["premium_steps"]) >> (height - release) // consensus["premium_step"]


def renewal_price(year_rent, last_price):
    """06 §5.2: drops for a year."""
    return min(year_rent, 2 * last_price)


def renewed_until(consensus, paid_until, years, height):
    """06 §5.1: the new term of a name with an owner. A term beyond ten years is refused, not cut, as nothing says that it is paid for in part."""
    require(height < paid_until + consensus["suspension"], "phase")
    require(years >= 1, "years")
    term = paid_until + years * consensus["year"]
    require(term <= height + 10 * consensus["year"], "more than ten years ahead")
    return term


def next_rent_base(consensus, rent_base, registrations, live_names):
    """06 §7.3, with the live names at the block's end."""
    goal = max(consensus["target_registrations"], live_names // 200)
    rent_base -= rent_base // consensus["rent_fall"]
    rent_base += 2 * registrations * rent_base // (17 * goal)
    return min(max(rent_base, consensus["rent_floor"] << 32), SUPPLY << 32)
