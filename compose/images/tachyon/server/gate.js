// A bounded amount of something, shared by those who run at once; the rest wait in line.

export class Full extends Error {}

export class Gate {
  #free;
  #line = [];

  constructor(capacity, longestLine = Infinity) {
    this.capacity = capacity;
    this.longestLine = longestLine;
    this.#free = capacity;
  }

  // Runs `work` while holding `amount`; what asks for more than there is gets all of it, alone.
  async run(amount, work) {
    const held = Math.min(amount, this.capacity);
    await this.#take(held);
    try {
      return await work();
    } finally {
      this.#free += held;
      this.#admit();
    }
  }

  #take(amount) {
    // Strictly in order: a big image would starve behind small ones otherwise.
    if (this.#line.length === 0 && amount <= this.#free) {
      this.#free -= amount;
      return undefined;
    }
    if (this.#line.length >= this.longestLine) throw new Full('too many requests are waiting');
    return new Promise((resolve) => this.#line.push({ amount, resolve }));
  }

  #admit() {
    while (this.#line.length > 0 && this.#line[0].amount <= this.#free) {
      const { amount, resolve } = this.#line.shift();
      this.#free -= amount;
      resolve();
    }
  }
}
