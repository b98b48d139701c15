"""Builds the grid and the accounts of `everhall bench prepare` in an Evennia game: run by `evennia shell`."""

import os

from django.conf import settings
from django.contrib.auth.hashers import make_password
from evennia.comms.models import ChannelDB
from evennia.utils import create

ROOMS, ACCOUNTS = int(os.environ["BENCH_ROOMS"]), int(os.environ["BENCH_ACCOUNTS"])
WIDTH = max(width for width in range(1, int(ROOMS**0.5) + 1) if ROOMS % width == 0)
HEIGHT = ROOMS // WIDTH
DIRECTIONS = [("north", "n", 0, -1), ("south", "s", 0, 1), ("east", "e", 1, 0), ("west", "w", -1, 0)]

rooms = []
for at in range(ROOMS):
    room = create.create_object(settings.BASE_ROOM_TYPECLASS, key=f"Cell {at % WIDTH}-{at // WIDTH}")
    room.db.desc = "A bare stone cell with four doors."
    rooms.append(room)
for at, room in enumerate(rooms):
    for name, alias, dx, dy in DIRECTIONS:
        to = rooms[(at // WIDTH + dy) % HEIGHT * WIDTH + (at % WIDTH + dx) % WIDTH]
        create.create_object(
            settings.BASE_EXIT_TYPECLASS, key=name, aliases=[alias], location=room, destination=to, home=room
        )
password = make_password("passw0rdX9")
public = ChannelDB.objects.get(db_key="Public")
for n in range(ACCOUNTS):
    room = rooms[n % ROOMS]
    account = create.create_account(f"bot{n}", email="", password=None, permissions=["Player"])
    account.password = password
    account.save()
    character = create.create_object(
        settings.BASE_CHARACTER_TYPECLASS, key=f"bot{n}", location=room, home=room, permissions=["Player"]
    )
    character.locks.add(f"puppet:id({character.id}) or pid({account.id}) or perm(Developer)")
    account.characters.add(character)
    account.db._last_puppet = character
    public.connect(account)
    create.create_object(settings.BASE_OBJECT_TYPECLASS, key=f"rock{n}", location=room, home=room)
print(f"{ROOMS} rooms and {ACCOUNTS} accounts are made")
