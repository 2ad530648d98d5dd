"""The recipe as the function reads it: renditions, their geometry, and the rules that give keys their renditions."""
